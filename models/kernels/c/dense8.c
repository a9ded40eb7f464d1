/** Dense layers of bytes. */
#include "tile8.h"

struct dense8 {
  const uint8_t *x;
  int x_image;
  void *y;
  int y_image;
  /** For each group of units: for each four inputs, four of each unit of the group. */
  const int8_t *weights;
  struct finish8 finish;
  /** Multiples of 4. */
  int inputs, units;
};

/** Six images and one group; at the end the last image more than once. */
INLINE void multiply_images(const int columns, const struct dense8 *g, int images, const int8_t *w, int unit) {
  const struct finish8 finish = g->finish;
  for (int image = 0, last = images - 1; image <= last; image += 6) {
    const uint8_t *p[6];
    vec c[6][MAX_COLUMNS];
    UNROLL for (int i = 0; i < 6; i++) p[i] = g->x + (image + i < last ? image + i : last) * g->x_image;
    clear8(6, columns, c);
    add_products8(6, columns, p, w, g->inputs, c);
    UNROLL for (int i = 0; i < 6; i++) {
      put8(&finish, unit, columns, c[i], g->y, (image + i < last ? image + i : last) * g->y_image + unit);
    }
  }
}

/** One image and four groups of eight units: with one group there would be too few sums for them not to wait for each other. */
INLINE void multiply_image(const struct dense8 *g, int image, const int8_t *w, int unit) {
  const struct finish8 finish = g->finish;
  const uint8_t *x = g->x + image * g->x_image;
  vec c[4][MAX_COLUMNS];
  clear8(4, 2, c);
  for (int k = 0; k < g->inputs; k += 4, w += 32) {
    vec s = wasm_v128_load32_splat(x + k);
    UNROLL for (int i = 0; i < 4; i++) {
      UNROLL for (int j = 0; j < 2; j++) {
        c[i][j] = add_dot(wasm_v128_load(w + i * 8 * g->inputs + j * 16), s, c[i][j]);
        IN_ORDER(c[i][j]);
      }
    }
  }
  UNROLL for (int i = 0; i < 4; i++) put8(&finish, unit + i * 8, 2, c[i], g->y, image * g->y_image + unit + i * 8);
}

/** Multiplies images, adds the bias, applies the activation. */
EXPORT(dense8)(const struct dense8 *g, int images) {
  const int8_t *w = g->weights;
  int unit = 0;
  for (; images < 3 && g->units - unit >= 32; unit += 32, w += 32 * g->inputs) {
    for (int image = 0; image < images; image++) multiply_image(g, image, w, unit);
  }
  for (int width; unit < g->units; unit += width, w += width * g->inputs) {
    width = group_width(g->units - unit);
    if (width == 8) multiply_images(2, g, images, w, unit);
    else multiply_images(1, g, images, w, unit);
  }
}
