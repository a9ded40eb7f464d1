/**
 * The inner loop of matrix products: up to 6 rows × 8 columns of sums stay in registers. That is 12 vectors, as many as fit
 * beside two loads and a splat in the 16 registers of x86-64.
 *
 * Each sum is taken in the order of the depth, whatever the size of the tile, so an image has the same result in any batch.
 */
#pragma once
#include "simd.h"

#define MAX_ROWS 6

/** Vectors of eight columns. */
#define MAX_COLUMNS 2

/** Steps of the depth that are unrolled. */
#define STEPS 4

/** Keeps the compiler from moving the multiplications behind all loads, which would need more registers than there are. */
#define IN_ORDER(v) __asm__ volatile("" : "+r"(v))

/** One step of the depth: adds products of a number per row and `columns` vectors. */
INLINE void add_step(const int rows, const int columns, const float *const p[], int at, const float *w, vec c[][MAX_COLUMNS]) {
  vec b[MAX_COLUMNS];
  UNROLL for (int j = 0; j < columns; j++) {
    b[j] = load(w + j * 4);
    IN_ORDER(b[j]);
  }
  UNROLL for (int i = 0; i < rows; i++) {
    vec s = wasm_v128_load32_splat(p[i] + at);
    UNROLL for (int j = 0; j < columns; j++) {
      c[i][j] = madd(s, b[j], c[i][j]);
      IN_ORDER(c[i][j]);
    }
  }
}

/**
 * Adds products of rows and columns to sums.
 *
 * @param p The rows, each its own address; moved to their ends.
 * @param w `depth` × `columns` × 4.
 */
INLINE void add_products(const int rows, const int columns, const float *p[], const float *w, int depth, vec c[][MAX_COLUMNS]) {
  for (; depth >= STEPS; depth -= STEPS) {
    UNROLL for (int step = 0; step < STEPS; step++) add_step(rows, columns, p, step, w + step * columns * 4, c);
    UNROLL for (int i = 0; i < rows; i++) p[i] += STEPS;
    w += STEPS * columns * 4;
  }
  for (; depth > 0; depth--, w += columns * 4) {
    add_step(rows, columns, p, 0, w, c);
    UNROLL for (int i = 0; i < rows; i++) p[i]++;
  }
}

INLINE void multiply_rows(
    const int rows, const int columns, const float *a, int stride, const float *w, int depth, float *out, int out_stride,
    int is_first) {
  vec c[MAX_ROWS][MAX_COLUMNS];
  const float *p[MAX_ROWS];
  UNROLL for (int i = 0; i < rows; i++) {
    p[i] = a + i * stride;
    UNROLL for (int j = 0; j < columns; j++) c[i][j] = is_first ? splat(0) : load(out + i * out_stride + j * 4);
  }
  add_products(rows, columns, p, w, depth, c);
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < columns; j++) store(out + i * out_stride + j * 4, c[i][j]);
  }
}

INLINE void multiply_columns(
    const int columns, const float *a, int rows, int stride, const float *w, int depth, float *out, int out_stride,
    int is_first) {
  for (; rows >= 6; rows -= 6, a += 6 * stride, out += 6 * out_stride) {
    multiply_rows(6, columns, a, stride, w, depth, out, out_stride, is_first);
  }
  if (rows == 5) multiply_rows(5, columns, a, stride, w, depth, out, out_stride, is_first);
  if (rows == 4) multiply_rows(4, columns, a, stride, w, depth, out, out_stride, is_first);
  if (rows == 3) multiply_rows(3, columns, a, stride, w, depth, out, out_stride, is_first);
  if (rows == 2) multiply_rows(2, columns, a, stride, w, depth, out, out_stride, is_first);
  if (rows == 1) multiply_rows(1, columns, a, stride, w, depth, out, out_stride, is_first);
}

/**
 * Multiplies a matrix and one panel.
 *
 * @param a `rows` × `depth`, `stride` numbers apart.
 * @param w `depth` × `width`.
 * @param out `rows` × `width`, `out_stride` numbers apart.
 * @param is_first Whether `out` is overwritten; else the products are added.
 */
static __attribute__((noinline, unused)) void multiply(
    const float *a, int rows, int stride, const float *w, int depth, int width, float *out, int out_stride, int is_first) {
  if (width == 8) multiply_columns(2, a, rows, stride, w, depth, out, out_stride, is_first);
  else multiply_columns(1, a, rows, stride, w, depth, out, out_stride, is_first);
}
