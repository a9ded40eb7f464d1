/**
 * 3×3 convolution with stride 1 by Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2015), with bias, activation and the maximum over windows.
 *
 * An image is divided into tiles of 2, 3 or 4 pixels down and across, whatever covers it with the fewest multiplications.
 * A tile of m pixels is evaluated at m + 2 points: 0, 1, -1, 2, -2 and ∞ for 4; without -2 for 3; without 2 and -2 for 2.
 * So all sizes share one transformed kernel: one matrix for each pair of points (a plane), of which small tiles use some.
 * The kernel has the scale that 4 needs; the others make up for it in the transformation of the image.
 */
#include "tile.h"

#define POINTS 6

/** Numbers of counts in the scratch memory. */
#define COUNTS 16

struct convolve3 {
  /** First pixel that the first tile needs, and the distances between rows and images; in numbers, as all distances. */
  const float *x;
  int x_row, x_image;
  /** First pixel of the output, after `pool`. */
  void *y;
  int y_row, y_image;
  /** From `transform_kernel3`. */
  const float *planes;
  struct finish finish;
  int inputs, filters;
  /** Sizes of the tiles, and their numbers. */
  const uint8_t *heights, *widths;
  int down, across;
  /** Side of the windows over which the maximum is taken; it divides the sizes of all tiles. */
  int pool;
  /** Tiles that are processed together. */
  int block;
  /** `COUNTS` numbers, then 36 × (`block` × (`inputs` + 8) + 32). */
  float *scratch;
};

/** Tiles of at least this size use a point, less 2. */
INLINE int level_of(int point) { return point == 3 ? 1 : point == 4 ? 2 : 0; }

/** Numbers from a plane to the next: the skew keeps them out of the same set of the cache. */
INLINE int plane_stride(int rows, int columns) { return rows * columns + 16; }

/** A tile among all tiles of all images, and where it begins. */
struct cursor {
  int image, row, column, top, left;
};

INLINE struct cursor next(struct cursor at, const struct convolve3 *g) {
  at.left += g->widths[at.column];
  if (++at.column < g->across) return at;
  at.column = at.left = 0;
  at.top += g->heights[at.row];
  if (++at.row < g->down) return at;
  at.row = at.top = 0;
  at.image++;
  return at;
}

/** Planes contain only the tiles that use them; `counts` has how many that are, by the levels of both points. */
INLINE void count_tile(int *counts, int height, int width) {
  for (int a = 0; a <= height - 2; a++) {
    for (int b = 0; b <= width - 2; b++) counts[3 * a + b]++;
  }
}

INLINE void clear(int *counts) {
  for (int i = 0; i < 9; i++) counts[i] = 0;
}

/** From `size` + 2 numbers to the points. */
INLINE void to_points(const int size, const vec d[POINTS], vec to[POINTS]) {
  vec zero = splat(0);
  if (size == 4) {
    vec a = scaled(d[2], -4, d[4]), b = scaled(d[1], -4, d[3]), c = sub(d[4], d[2]), e = sub(d[3], d[1]);
    to[0] = scaled(d[0], 4, scaled(d[2], -5, d[4]));
    to[1] = add(a, b);
    to[2] = sub(a, b);
    to[3] = scaled(e, 2, c);
    to[4] = scaled(e, -2, c);
    to[5] = scaled(d[1], 4, scaled(d[3], -5, d[5]));
  } else if (size == 3) {
    vec a = sub(d[3], d[1]), two = add(d[1], d[1]);
    to[0] = scaled(a, 2, scaled(sub(d[0], d[2]), 4, zero));
    to[1] = scaled(sub(d[3], add(two, d[2])), 3, zero);
    to[2] = scaled(d[2], -3, add(d[3], two));
    to[3] = scaled(a, 4, zero);
    to[5] = scaled(a, -2, sub(d[4], d[2]));
  } else {
    to[0] = scaled(sub(d[0], d[2]), 4, zero);
    to[1] = scaled(add(d[1], d[2]), -3, zero);
    to[2] = scaled(sub(d[1], d[2]), 3, zero);
    to[5] = sub(d[3], d[1]);
  }
}

/** From the points to `size` numbers. */
INLINE void from_points(const int size, const vec m[POINTS], vec to[4]) {
  vec a = add(m[1], m[2]), b = sub(m[1], m[2]);
  if (size == 4) {
    vec c = add(m[3], m[4]), d = sub(m[3], m[4]);
    to[0] = add(m[0], add(a, c));
    to[1] = scaled(d, 2, b);
    to[2] = scaled(c, 4, a);
    to[3] = add(scaled(d, 8, b), m[5]);
  } else if (size == 3) {
    to[0] = add(m[0], add(a, m[3]));
    to[1] = scaled(m[3], 2, b);
    to[2] = add(scaled(m[3], 4, a), m[5]);
  } else {
    to[0] = add(m[0], a);
    to[1] = add(b, m[5]);
  }
}

/** Whether tiles of a size, or the largest tiles of a layer, use a point. */
INLINE int uses(int size, int point) { return level_of(point) <= size - 2; }

/** Where a tile has its numbers in a plane. */
INLINE float *in_plane(float *planes, int stride, int i, int j, const int *counts, int columns) {
  return planes + (i * POINTS + j) * stride + counts[3 * level_of(i) + level_of(j)] * columns;
}

/** Transforms one tile, all its channels. */
INLINE void transform_tile(
    const int height, const int width, const float *x, int row, int inputs, float *planes, int stride, const int *counts) {
  for (int c = 0; c < inputs; c += 4) {
    vec lines[POINTS][POINTS];
    UNROLL for (int j = 0; j < width + 2; j++) {
      vec column[POINTS], points[POINTS];
      UNROLL for (int i = 0; i < height + 2; i++) column[i] = load(x + c + i * row + j * inputs);
      to_points(height, column, points);
      UNROLL for (int i = 0; i < POINTS; i++) {
        if (uses(height, i)) lines[i][j] = points[i];
      }
    }
    UNROLL for (int i = 0; i < POINTS; i++) {
      if (!uses(height, i)) continue;
      vec points[POINTS];
      to_points(width, lines[i], points);
      UNROLL for (int j = 0; j < POINTS; j++) {
        if (uses(width, j)) store(in_plane(planes, stride, i, j, counts, inputs) + c, points[j]);
      }
    }
  }
}

/** Transforms the products of one tile and one group of filters back to pixels, and finishes them. */
INLINE void finish_tile(
    const int height, const int width, const int pool, const struct convolve3 *g, float *planes, int stride,
    const int *counts, int y, int filter, int columns) {
  for (int c = 0; c < columns; c += 4) {
    vec lines[4][POINTS], pixels[4][4];
    UNROLL for (int i = 0; i < POINTS; i++) {
      if (!uses(height, i)) continue;
      vec points[POINTS], line[4];
      UNROLL for (int j = 0; j < POINTS; j++) {
        if (uses(width, j)) points[j] = load(in_plane(planes, stride, i, j, counts, columns) + c);
      }
      from_points(width, points, line);
      UNROLL for (int j = 0; j < width; j++) lines[j][i] = line[j];
    }
    UNROLL for (int j = 0; j < width; j++) {
      vec column[4];
      from_points(height, lines[j], column);
      UNROLL for (int i = 0; i < height; i++) pixels[i][j] = column[i];
    }
    UNROLL for (int i = 0; i < height; i += pool) {
      UNROLL for (int j = 0; j < width; j += pool) {
        vec largest = pixels[i][j];
        UNROLL for (int k = 1; k < pool * pool; k++) largest = larger(largest, pixels[i + k / pool][j + k % pool]);
        put(&g->finish, filter + c, largest, g->y, y + c + i / pool * g->y_row + j / pool * g->filters);
      }
    }
  }
}

/** Calls a function for the size of a tile. */
#define FOR_SIZE(height, width, CALL) \
  switch (3 * height + width) { \
    case 8: CALL(2, 2); break; \
    case 9: CALL(2, 3); break; \
    case 10: CALL(2, 4); break; \
    case 11: CALL(3, 2); break; \
    case 12: CALL(3, 3); break; \
    case 13: CALL(3, 4); break; \
    case 14: CALL(4, 2); break; \
    case 15: CALL(4, 3); break; \
    case 16: CALL(4, 4); break; \
  }

/** Transforms tiles; each goes into the next free row of the planes that it uses. */
INLINE struct cursor transform_tiles(const struct convolve3 *g, struct cursor at, int tiles, float *planes, int stride) {
  int *counts = (int *)g->scratch;
  clear(counts);
  for (int tile = 0; tile < tiles; tile++, at = next(at, g)) {
    int height = g->heights[at.row], width = g->widths[at.column], inputs = g->inputs;
    const float *x = g->x + at.image * g->x_image + at.top * g->x_row + at.left * inputs;
#define TRANSFORM(h, w) transform_tile(h, w, x, g->x_row, inputs, planes, stride, counts)
    FOR_SIZE(height, width, TRANSFORM)
    count_tile(counts, height, width);
  }
  return at;
}

/** Transforms the products of one group of filters back. */
INLINE void finish_tiles(
    const struct convolve3 *g, struct cursor at, int tiles, float *planes, int stride, int filter, int columns) {
  int *counts = (int *)g->scratch;
  clear(counts);
  for (int tile = 0; tile < tiles; tile++, at = next(at, g)) {
    int height = g->heights[at.row], width = g->widths[at.column];
    int y = at.image * g->y_image + at.top / g->pool * g->y_row + at.left / g->pool * g->filters + filter;
#define FINISH(h, w, pool) finish_tile(h, w, pool, g, planes, stride, counts, y, filter, columns)
#define FINISH_EACH(h, w) FINISH(h, w, 1)
#define FINISH_PAIRS(h, w) if (h != 3 && w != 3) FINISH(h, w, 2)
    if (g->pool == 1) { FOR_SIZE(height, width, FINISH_EACH) }
    else if (g->pool == 2) { FOR_SIZE(height, width, FINISH_PAIRS) }
    else FINISH(3, 3, 3);
    count_tile(counts, height, width);
  }
}

INLINE int largest(const uint8_t *sizes, int count) {
  int size = 0;
  for (int i = 0; i < count; i++) size = sizes[i] > size ? sizes[i] : size;
  return size;
}

/** Convolves images. */
EXPORT(convolve3)(const struct convolve3 *g, int images) {
  int tiles = images * g->down * g->across, inputs = g->inputs;
  int height = largest(g->heights, g->down), width = largest(g->widths, g->across);
  int from_stride = plane_stride(g->block, inputs), to_stride = plane_stride(g->block, 8);
  float *from = g->scratch + COUNTS, *to = from + 36 * from_stride;
  const int *counts = (const int *)g->scratch;
  struct cursor at = {0, 0, 0, 0, 0};
  for (int block; tiles > 0; tiles -= block) {
    block = tiles < g->block ? tiles : g->block;
    struct cursor after = transform_tiles(g, at, block, from, from_stride);
    const float *w = g->planes;
    for (int filter = 0, columns; filter < g->filters; filter += columns) {
      columns = group_width(g->filters - filter);
      for (int i = 0; i < POINTS; i++) {
        for (int j = 0; j < POINTS; j++) {
          if (!uses(height, i) || !uses(width, j)) continue;
          int rows = counts[3 * level_of(i) + level_of(j)], plane = POINTS * i + j;
          multiply(from + plane * from_stride, rows, inputs, w, inputs, columns, to + plane * to_stride, columns, 1);
          w += inputs * columns;
        }
      }
      finish_tiles(g, at, block, to, to_stride, filter, columns);
    }
    at = after;
  }
}

/** From three taps, `step` apart, to the points that F(4, 3) has, `out` apart. */
INLINE void kernel_to_points(const float *from, int step, float *to, int out) {
  vec g0 = load(from), g1 = load(from + step), g2 = load(from + 2 * step);
  vec sum = add(g0, g2), far = scaled(g2, 4, g0), zero = splat(0);
  store(to, scaled(g0, 0.25f, zero));
  store(to + out, scaled(add(sum, g1), -1.0f / 6, zero));
  store(to + 2 * out, scaled(sub(g1, sum), 1.0f / 6, zero));
  store(to + 3 * out, scaled(scaled(g1, 2, far), 1.0f / 24, zero));
  store(to + 4 * out, scaled(scaled(g1, -2, far), 1.0f / 24, zero));
  store(to + 5 * out, g2);
}

/**
 * Transforms a kernel.
 *
 * @param kernel 3 × 3 × inputs × filters.
 * @param planes For each group of filters the planes that the largest tiles use, each inputs × filters of the group.
 * @param height Of the largest tile.
 * @param width Likewise.
 * @param lines 216 numbers.
 */
EXPORT(transform_kernel3)(
    const float *kernel, float *planes, int inputs, int filters, int height, int width, float *lines) {
  int tap = inputs * filters;
  float *all = lines + 72;
  for (int filter = 0, columns; filter < filters; filter += columns) {
    columns = group_width(filters - filter);
    for (int input = 0; input < inputs; input++) {
      for (int c = 0; c < columns; c += 4) {
        const float *from = kernel + input * filters + filter + c;
        float *to = planes + input * columns + c;
        for (int x = 0; x < 3; x++) kernel_to_points(from + x * tap, 3 * tap, lines + x * 4, 12);
        for (int i = 0; i < POINTS; i++) kernel_to_points(lines + i * 12, 4, all + i * 24, 4);
        for (int i = 0; i < POINTS; i++) {
          for (int j = 0; j < POINTS; j++) {
            if (!uses(height, i) || !uses(width, j)) continue;
            store(to, load(all + i * 24 + j * 4));
            to += inputs * columns;
          }
        }
      }
    }
    for (int i = 0; i < POINTS; i++) {
      for (int j = 0; j < POINTS; j++) planes += uses(height, i) && uses(width, j) ? inputs * columns : 0;
    }
  }
}
