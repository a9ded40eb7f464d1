/** Convolution of bytes, of any kernel and stride, with bias, activation and the maximum over windows. */
#include "tile8.h"

struct convolve8 {
  /** First pixel of the first window, and the distances between rows and images; in numbers, as all distances. */
  const uint8_t *x;
  int x_row, x_image;
  /** First pixel of the output, after `pool`. */
  void *y;
  int y_row, y_image;
  /** For each group of filters: for each four of the taps, four of each filter of the group. */
  const int8_t *weights;
  struct finish8 finish;
  /** Multiples of 4. */
  int inputs, filters;
  /** Of the kernel. */
  int height, width;
  /** Pixels from a window to the next. */
  int down, across;
  /** Of the output, after `pool`. */
  int rows, columns;
  /** Side of the windows over which the maximum is taken: 1, 2 or 3. */
  int pool;
};

/** Sums of windows, wherever they are. */
INLINE void sum_windows(
    const int count, const int columns, const struct convolve8 *g, const uint8_t *const x[], const int8_t *w,
    vec c[][MAX_COLUMNS]) {
  int length = g->width * g->inputs;
  clear8(count, columns, c);
  for (int y = 0; y < g->height; y++, w += length * columns * 4) {
    const uint8_t *p[MAX_ROWS];
    UNROLL for (int i = 0; i < count; i++) p[i] = x[i] + y * g->x_row;
    add_products8(count, columns, p, w, length, c);
  }
}

/** A window, and where its output goes. */
struct place {
  int column, row;
  const uint8_t *x, *x_row, *x_image;
  int y, y_row, y_image;
};

INLINE struct place after(struct place at, const struct convolve8 *g) {
  at.x += g->across * g->inputs;
  at.y += g->filters;
  if (++at.column < g->columns) return at;
  at.column = 0;
  at.x = at.x_row += g->down * g->x_row;
  at.y = at.y_row += g->y_row;
  if (++at.row < g->rows) return at;
  at.row = 0;
  at.x = at.x_row = at.x_image += g->x_image;
  at.y = at.y_row = at.y_image += g->y_image;
  return at;
}

/** Windows of all images in a row, six at a time; at the end the last one more than once. */
INLINE void convolve8_each(const int columns, const struct convolve8 *g, int images, const int8_t *w, int filter) {
  const struct finish8 finish = g->finish;
  struct place at = {0, 0, g->x, g->x, g->x, filter, filter, filter};
  int last = images * g->rows * g->columns - 1;
  for (int window = 0; window <= last; window += 6) {
    const uint8_t *x[6];
    int y[6];
    vec c[6][MAX_COLUMNS];
    UNROLL for (int i = 0; i < 6; i++) {
      x[i] = at.x;
      y[i] = at.y;
      if (window + i < last) at = after(at, g);
    }
    sum_windows(6, columns, g, x, w, c);
    UNROLL for (int i = 0; i < 6; i++) put8(&finish, filter, columns, c[i], g->y, y[i]);
  }
}

/** The largest sums of `pool` × `pool` windows. Factors are not negative, so that they are those of the largest outputs too. */
INLINE void largest_sums(
    const int pool, const int columns, const struct convolve8 *g, const uint8_t *x, const int8_t *w, vec largest[]) {
  int step = g->across * g->inputs, row = g->down * g->x_row;
  // All four at once, and of nine one row at a time: as many as there are registers for.
  const int count = pool == 2 ? 4 : 3;
  for (int y = 0; y < (pool == 2 ? 1 : pool); y++, x += row) {
    const uint8_t *p[4] = {x, x + step, pool == 2 ? x + row : x + 2 * step, x + row + step};
    vec c[4][MAX_COLUMNS];
    sum_windows(count, columns, g, p, w, c);
    UNROLL for (int j = 0; j < columns; j++) {
      largest[j] = y == 0 ? c[0][j] : wasm_i32x4_max(largest[j], c[0][j]);
      UNROLL for (int i = 1; i < count; i++) largest[j] = wasm_i32x4_max(largest[j], c[i][j]);
    }
  }
}

INLINE void convolve8_pooled(
    const int pool, const int columns, const struct convolve8 *g, int images, const int8_t *w, int filter) {
  const struct finish8 finish = g->finish;
  int step = pool * g->across * g->inputs, row = pool * g->down * g->x_row;
  for (int image = 0; image < images; image++) {
    for (int i = 0; i < g->rows; i++) {
      const uint8_t *x = g->x + image * g->x_image + i * row;
      int y = image * g->y_image + i * g->y_row + filter;
      for (int column = 0; column < g->columns; column++, x += step, y += g->filters) {
        vec largest[MAX_COLUMNS];
        largest_sums(pool, columns, g, x, w, largest);
        put8(&finish, filter, columns, largest, g->y, y);
      }
    }
  }
}

INLINE void convolve8_group(const int columns, const struct convolve8 *g, int images, const int8_t *w, int filter) {
  if (g->pool == 1) convolve8_each(columns, g, images, w, filter);
  else if (g->pool == 2) convolve8_pooled(2, columns, g, images, w, filter);
  else convolve8_pooled(3, columns, g, images, w, filter);
}

/** Convolves images. */
EXPORT(convolve8)(const struct convolve8 *g, int images) {
  const int8_t *w = g->weights;
  for (int filter = 0, width; filter < g->filters; filter += width) {
    width = group_width(g->filters - filter);
    if (width == 8) convolve8_group(2, g, images, w, filter);
    else convolve8_group(1, g, images, w, filter);
    w += g->height * g->width * g->inputs * width;
  }
}
