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

/** The first window of an output, and where that goes. */
struct place {
  int column, row;
  const uint8_t *x, *x_row, *x_image;
  int y, y_row, y_image;
};

INLINE struct place after(struct place at, const struct convolve8 *g) {
  at.x += g->pool * g->across * g->inputs;
  at.y += g->filters;
  if (++at.column < g->columns) return at;
  at.column = 0;
  at.x = at.x_row += g->pool * g->down * g->x_row;
  at.y = at.y_row += g->y_row;
  if (++at.row < g->rows) return at;
  at.row = 0;
  at.x = at.x_row = at.x_image += g->x_image;
  at.y = at.y_row = at.y_image += g->y_image;
  return at;
}

/**
 * One group of filters. Six windows at a time, of one row of each of the next outputs, whatever image they are in; at the end
 * the last output more than once. Factors are not negative: so the largest sum becomes the largest number.
 */
INLINE void convolve8_group(
    const int pool, const int columns, const struct convolve8 *g, int images, const int8_t *w, int filter) {
  const int count = 6 / pool;
  const struct finish8 finish = g->finish;
  struct place at = {0, 0, g->x, g->x, g->x, filter, filter, filter};
  int last = images * g->rows * g->columns - 1;
  for (int output = 0; output <= last; output += count) {
    const uint8_t *x[6];
    int y[6];
    vec largest[6][MAX_COLUMNS];
    UNROLL for (int i = 0; i < count; i++) {
      x[i] = at.x;
      y[i] = at.y;
      UNROLL for (int j = 0; j < columns; j++) largest[i][j] = wasm_i32x4_splat(INT32_MIN);
      if (output + i < last) at = after(at, g);
    }
    for (int row = 0; row < pool; row++) {
      const uint8_t *p[6];
      vec c[6][MAX_COLUMNS];
      UNROLL for (int i = 0; i < 6; i++) p[i] = x[i / pool] + row * g->down * g->x_row + i % pool * g->across * g->inputs;
      sum_windows(6, columns, g, p, w, c);
      UNROLL for (int i = 0; i < 6; i++) {
        UNROLL for (int j = 0; j < columns; j++) largest[i / pool][j] = wasm_i32x4_max(largest[i / pool][j], c[i][j]);
      }
    }
    UNROLL for (int i = 0; i < count; i++) put8(&finish, filter, columns, largest[i], g->y, y[i]);
  }
}

INLINE void convolve8_pool(const int columns, const struct convolve8 *g, int images, const int8_t *w, int filter) {
  if (g->pool == 1) convolve8_group(1, columns, g, images, w, filter);
  else if (g->pool == 2) convolve8_group(2, columns, g, images, w, filter);
  else convolve8_group(3, columns, g, images, w, filter);
}

/** Convolves images. */
EXPORT(convolve8)(const struct convolve8 *g, int images) {
  const int8_t *w = g->weights;
  for (int filter = 0, width; filter < g->filters; filter += width) {
    width = group_width(g->filters - filter);
    if (width == 8) convolve8_pool(2, g, images, w, filter);
    else convolve8_pool(1, g, images, w, filter);
    w += g->height * g->width * g->inputs * width;
  }
}
