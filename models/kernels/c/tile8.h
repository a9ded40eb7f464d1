/**
 * The inner loop of matrix products of bytes: as that of `tile.h`, with four weights and four activations where that has one.
 *
 * Weights are -127 to 127. Activations are 0 to 127, for which the dot product of relaxed SIMD is the same on all machines.
 * Sums are integers: their order does not matter, and the fallback has the same.
 */
#pragma once
#include "tile.h"

/** Weights of four filters, four each, times the same four activations; added to four sums. */
INLINE vec add_dot(vec weights, vec activations, vec sums) {
#ifdef __wasm_relaxed_simd__
  return wasm_i32x4_relaxed_dot_i8x16_i7x16_add(weights, activations, sums);
#else
  vec low = wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_extmul_low_i8x16(weights, activations));
  vec high = wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_extmul_high_i8x16(weights, activations));
  vec even = wasm_i32x4_shuffle(low, high, 0, 2, 4, 6), odd = wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
  return wasm_i32x4_add(sums, wasm_i32x4_add(even, odd));
#endif
}

/** Adds products of four activations per row and `columns` vectors of weights. */
INLINE void add_step8(const int rows, const int columns, const uint8_t *const p[], int at, const int8_t *w, vec c[][MAX_COLUMNS]) {
  vec b[MAX_COLUMNS];
  UNROLL for (int j = 0; j < columns; j++) {
    b[j] = wasm_v128_load(w + j * 16);
    IN_ORDER(b[j]);
  }
  UNROLL for (int i = 0; i < rows; i++) {
    vec s = wasm_v128_load32_splat(p[i] + at);
    UNROLL for (int j = 0; j < columns; j++) {
      c[i][j] = add_dot(b[j], s, c[i][j]);
      IN_ORDER(c[i][j]);
    }
  }
}

/**
 * Adds products of rows and columns to sums.
 *
 * @param p The rows, each its own address; moved to their ends.
 * @param w For each four of the depth `columns` × 16.
 * @param depth A multiple of 4.
 */
INLINE void add_products8(const int rows, const int columns, const uint8_t *p[], const int8_t *w, int depth, vec c[][MAX_COLUMNS]) {
  for (; depth >= 4 * STEPS; depth -= 4 * STEPS) {
    UNROLL for (int step = 0; step < STEPS; step++) add_step8(rows, columns, p, 4 * step, w + step * columns * 16, c);
    UNROLL for (int i = 0; i < rows; i++) p[i] += 4 * STEPS;
    w += STEPS * columns * 16;
  }
  for (; depth > 0; depth -= 4, w += columns * 16) {
    add_step8(rows, columns, p, 0, w, c);
    UNROLL for (int i = 0; i < rows; i++) p[i] += 4;
  }
}

/** What is done to sums of products of bytes before they are stored. */
struct finish8 {
  /** One factor per filter or unit, up to a multiple of 4. */
  const float *factors;
  struct finish finish;
};

/** Finishes the sums of some filters and stores them; with two roundings where there could be one, as the fallback has two. */
INLINE void put8(const struct finish8 *g, int filter, const int columns, const vec *sums, void *y, int at) {
  UNROLL for (int j = 0; j < columns; j++) {
    vec numbers = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sums[j]), load(g->factors + filter + j * 4));
    put(&g->finish, filter + j * 4, numbers, y, at + j * 4);
  }
}

INLINE void clear8(const int rows, const int columns, vec c[][MAX_COLUMNS]) {
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < columns; j++) c[i][j] = wasm_i32x4_splat(0);
  }
}
