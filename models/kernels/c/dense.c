/** Dense layers, and how matrices are laid out for the inner loop. */
#include "tile.h"

/** Numbers of the depth that are processed together: a part of a panel and of four rows stays in the first-level cache. */
#define PART 512

struct dense {
  const float *x;
  int x_image;
  /** As many numbers per image as there are units, up to a multiple of 4. */
  float *y;
  int y_image;
  /** From `to_panels`. */
  const float *panels;
  struct finish finish;
  int inputs;
  /** A multiple of 4. */
  int units;
};

/** Multiplies images, adds the bias, applies the activation. */
EXPORT(dense)(const struct dense *g, int images) {
  for (int from = 0; from < g->inputs; from += PART) {
    int depth = g->inputs - from < PART ? g->inputs - from : PART;
    const float *w = g->panels;
    for (int unit = 0, columns; unit < g->units; unit += columns) {
      columns = group_width(g->units - unit);
      multiply(g->x + from, images, g->x_image, w + from * columns, depth, columns, g->y + unit, g->y_image, from == 0);
      w += g->inputs * columns;
    }
  }
  for (int image = 0; image < images; image++) {
    float *y = g->y + image * g->y_image;
    for (int unit = 0; unit < g->units; unit += 4) store(y + unit, finished(&g->finish, unit, load(y + unit)));
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
