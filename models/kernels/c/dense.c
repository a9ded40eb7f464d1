/** Dense layers, and how matrices are laid out for the inner loop. */
#include "tile.h"

/** Numbers of the depth that are processed together: a part of a panel and of four rows stays in the first-level cache. */
#define PART 512

struct dense {
  const float *x;
  int x_image;
  /** As many numbers per image as there are units, up to a multiple of 4; `y` itself unless that is bytes. */
  float *sums;
  int sums_image;
  void *y;
  int y_image;
  /** From `to_panels`. */
  const float *panels;
  struct finish finish;
  int inputs;
  /** A multiple of 4. */
  int units;
};

/**
 * One or two images and several panels of eight columns at once: with one panel there would be too few sums for the
 * multiply-adds not to wait for each other.
 *
 * @param panel Numbers from a panel to the next.
 */
INLINE void multiply_panels(
    const int images, const int panels, const float *x, int x_image, const float *w, int panel, int depth, float *y,
    int y_image, int is_first) {
  vec c[2][8];
  UNROLL for (int i = 0; i < images; i++) {
    UNROLL for (int j = 0; j < 2 * panels; j++) c[i][j] = is_first ? splat(0) : load(y + i * y_image + j * 4);
  }
  for (int k = 0; k < depth; k++) {
    vec s[2];
    UNROLL for (int i = 0; i < images; i++) {
      s[i] = wasm_v128_load32_splat(x + i * x_image + k);
      IN_ORDER(s[i]);
    }
    UNROLL for (int j = 0; j < 2 * panels; j++) {
      vec b = load(w + j / 2 * panel + k * 8 + j % 2 * 4);
      UNROLL for (int i = 0; i < images; i++) {
        c[i][j] = madd(s[i], b, c[i][j]);
        IN_ORDER(c[i][j]);
      }
    }
  }
  UNROLL for (int i = 0; i < images; i++) {
    UNROLL for (int j = 0; j < 2 * panels; j++) store(y + i * y_image + j * 4, c[i][j]);
  }
}

/** Adds the products of a part of the depth. */
INLINE void multiply_part(const struct dense *g, int images, int from, int depth) {
  const float *x = g->x + from;
  float *y = g->sums;
  int y_image = g->sums_image, panel = 8 * g->inputs, left = g->units;
  const float *w = g->panels;
  for (; images == 1 && left >= 32; left -= 32, y += 32, w += 4 * panel) {
    multiply_panels(1, 4, x, g->x_image, w + from * 8, panel, depth, y, y_image, from == 0);
  }
  for (; images == 2 && left >= 24; left -= 24, y += 24, w += 3 * panel) {
    multiply_panels(2, 3, x, g->x_image, w + from * 8, panel, depth, y, y_image, from == 0);
  }
  for (int columns; left > 0; left -= columns, y += columns, w += columns * g->inputs) {
    columns = group_width(left);
    multiply(x, images, g->x_image, w + from * columns, depth, columns, y, y_image, from == 0);
  }
}

/** Multiplies images, adds the bias, applies the activation. */
EXPORT(dense)(const struct dense *g, int images) {
  for (int from = 0; from < g->inputs; from += PART) {
    multiply_part(g, images, from, g->inputs - from < PART ? g->inputs - from : PART);
  }
  for (int image = 0; image < images; image++) {
    const float *sums = g->sums + image * g->sums_image;
    for (int unit = 0; unit < g->units; unit += 4) {
      put(&g->finish, unit, load(sums + unit), g->y, image * g->y_image + unit);
    }
  }
}

/**
 * Divides a matrix into panels, each of which is read sequentially.
 *
 * @param from `depth` × `columns`.
 * @param to For each group of columns: `depth` × the columns of the group; missing ones are 0.
 */
EXPORT(to_panels)(const float *from, float *to, int depth, int columns) {
  int all = (columns + 3) & ~3;
  for (int first = 0, width; first < all; first += width) {
    width = group_width(all - first);
    for (int k = 0; k < depth; k++) {
      for (int c = first; c < first + width; c++) *to++ = c < columns ? from[k * columns + c] : 0;
    }
  }
}

/** Copies images into larger ones: `rows` rows of `length` numbers each. */
EXPORT(copy_rows)(const float *from, int from_row, int from_image, float *to, int to_row, int to_image, int rows, int length, int images) {
  for (int image = 0; image < images; image++, from += from_image, to += to_image) {
    for (int row = 0; row < rows; row++) {
      __builtin_memcpy(to + row * to_row, from + row * from_row, length * sizeof(float));
    }
  }
}
