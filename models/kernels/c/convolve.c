/**
 * Convolution of any kernel and stride without copying the windows: in an image with channels last, one row of a window is
 * one run of adjacent numbers. With bias, activation and the maximum over windows of 2×2.
 */
#include "tile.h"

struct convolve {
  /** First pixel of the first window, and the distances between rows and images; in numbers, as all distances. */
  const float *x;
  int x_row, x_image;
  /** First pixel of the output, after `pool`. */
  void *y;
  int y_row, y_image;
  /** For each group of filters: taps × filters of the group. */
  const float *weights;
  struct finish finish;
  int inputs, filters;
  /** Of the kernel. */
  int height, width;
  /** Pixels from a window to the next. */
  int down, across;
  /** Of the output, after `pool`. */
  int rows, columns;
  /** 2 if the maximum over windows of 2×2 is taken, else 1. */
  int pool;
};

/** How the sums of windows begin. */
INLINE void clear_sums(const int count, const int columns, vec c[][MAX_COLUMNS]) {
  UNROLL for (int i = 0; i < count; i++) {
    UNROLL for (int j = 0; j < columns; j++) c[i][j] = splat(0);
  }
}

/**
 * Windows, wherever they are.
 *
 * @param height Of the kernel if it is one of those that are unrolled, else 0.
 * @param run Numbers of one row of such a window.
 */
INLINE void windows(
    const int height, const int run, const int count, const int columns, const struct convolve *g, const float *const x[],
    const float *w, vec c[][MAX_COLUMNS]) {
  clear_sums(count, columns, c);
  const float *p[MAX_ROWS];
  if (height == 0) {
    int length = g->width * g->inputs;
    for (int y = 0; y < g->height; y++, w += length * columns * 4) {
      UNROLL for (int i = 0; i < count; i++) p[i] = x[i] + y * g->x_row;
      add_products(count, columns, p, w, length, c);
    }
    return;
  }
  UNROLL for (int y = 0; y < height; y++) {
    UNROLL for (int i = 0; i < count; i++) p[i] = x[i] + y * g->x_row;
    UNROLL for (int k = 0; k < run; k++) add_step(count, columns, p, k, w + (y * run + k) * columns * 4, c);
  }
}

/** The windows of one row of the output, six beside each other; at the end the last one more than once. */
INLINE void convolve_row(
    const int height, const int run, const int columns, const struct convolve *g, const float *x, const float *w, int y,
    int filter) {
  const struct finish finish = g->finish;
  int step = g->across * g->inputs, last = g->columns - 1;
  for (int column = 0; column <= last; column += 6) {
    const float *p[6];
    vec c[6][MAX_COLUMNS];
    UNROLL for (int i = 0; i < 6; i++) p[i] = x + (column + i < last ? column + i : last) * step;
    windows(height, run, 6, columns, g, p, w, c);
    UNROLL for (int i = 0; i < 6; i++) {
      int to = y + (column + i < last ? column + i : last) * g->filters;
      UNROLL for (int j = 0; j < columns; j++) put(&finish, filter + j * 4, c[i][j], g->y, to + j * 4);
    }
  }
}

/** The same with two rows of windows, of which the maxima are stored. */
INLINE void convolve_pooled_row(
    const int height, const int run, const int columns, const struct convolve *g, const float *x, const float *w, int y,
    int filter) {
  const struct finish finish = g->finish;
  int step = g->across * g->inputs, row = g->down * g->x_row;
  for (int column = 0; column < g->columns; column++, x += 2 * step, y += g->filters) {
    const float *p[4] = {x, x + step, x + row, x + row + step};
    vec c[4][MAX_COLUMNS];
    windows(height, run, 4, columns, g, p, w, c);
    UNROLL for (int j = 0; j < columns; j++) {
      vec largest = larger(larger(c[0][j], c[1][j]), larger(c[2][j], c[3][j]));
      put(&finish, filter + j * 4, largest, g->y, y + j * 4);
    }
  }
}

/** One tap of one window. */
INLINE void add_pixel(const int columns, vec pixel, const vec weights[], vec sums[]) {
  IN_ORDER(pixel);
  UNROLL for (int j = 0; j < columns; j++) {
    sums[j] = madd(pixel, weights[j], sums[j]);
    IN_ORDER(sums[j]);
  }
}

/** One tap of four windows, of which two are in each line. */
#define ADD_TAP(upper, lower, at, w) \
  UNROLL for (int j = 0; j < columns; j++) { \
    weights[j] = load(w + j * 4); \
    IN_ORDER(weights[j]); \
  } \
  add_pixel(columns, SPREAD(upper, at), weights, c[0]); \
  add_pixel(columns, SPREAD(upper, at + 1), weights, c[1]); \
  add_pixel(columns, SPREAD(lower, at), weights, c[2]); \
  add_pixel(columns, SPREAD(lower, at + 1), weights, c[3]);

#define SPREAD(line, at) wasm_i32x4_shuffle(line, line, at, at, at, at)

/**
 * The same for kernels of 3×3 on one channel, with the same sums: the 4×4 pixels that the four windows share are loaded once, and
 * spread by shuffles.
 */
INLINE void convolve_pooled_patches(const int columns, const struct convolve *g, const float *x, const float *w, int y, int filter) {
  const struct finish finish = g->finish;
  for (int column = 0; column < g->columns; column++, x += 2, y += g->filters) {
    vec lines[4], weights[MAX_COLUMNS], c[4][MAX_COLUMNS];
    UNROLL for (int i = 0; i < 4; i++) {
      lines[i] = load(x + i * g->x_row);
      IN_ORDER(lines[i]);
    }
    clear_sums(4, columns, c);
    UNROLL for (int i = 0; i < 3; i++) {
      const float *from = w + 3 * i * columns * 4;
      ADD_TAP(lines[i], lines[i + 1], 0, from)
      ADD_TAP(lines[i], lines[i + 1], 1, from + columns * 4)
      ADD_TAP(lines[i], lines[i + 1], 2, from + columns * 8)
    }
    UNROLL for (int j = 0; j < columns; j++) {
      vec largest = larger(larger(c[0][j], c[1][j]), larger(c[2][j], c[3][j]));
      put(&finish, filter + j * 4, largest, g->y, y + j * 4);
    }
  }
}

INLINE void convolve_group(
    const int height, const int run, const int columns, const struct convolve *g, int images, const float *w, int filter) {
  for (int image = 0; image < images; image++) {
    for (int row = 0; row < g->rows; row++) {
      const float *x = g->x + image * g->x_image + row * g->pool * g->down * g->x_row;
      int y = image * g->y_image + row * g->y_row + filter;
      if (height == 3 && run == 3 && g->pool == 2 && g->inputs == 1 && g->across == 1 && g->down == 1) {
        convolve_pooled_patches(columns, g, x, w, y, filter);
      } else if (g->pool == 2) convolve_pooled_row(height, run, columns, g, x, w, y, filter);
      else convolve_row(height, run, columns, g, x, w, y, filter);
    }
  }
}

INLINE void convolve_groups(const int height, const int run, const struct convolve *g, int images) {
  const float *w = g->weights;
  for (int filter = 0, columns; filter < g->filters; filter += columns) {
    columns = group_width(g->filters - filter);
    if (columns == 8) convolve_group(height, run, 2, g, images, w, filter);
    else convolve_group(0, 0, 1, g, images, w, filter);
    w += g->height * g->width * g->inputs * columns;
  }
}

/** Convolves images. The kernels that first layers have are unrolled. */
EXPORT(convolve)(const struct convolve *g, int images) {
  int height = g->height, run = g->width * g->inputs;
  if (height == 2 && run == 2) convolve_groups(2, 2, g, images);
  else if (height == 2 && run == 6) convolve_groups(2, 6, g, images);
  else if (height == 3 && run == 3) convolve_groups(3, 3, g, images);
  else if (height == 3 && run == 9) convolve_groups(3, 9, g, images);
  else convolve_groups(0, 0, g, images);
}
