/** Vectors of four numbers, and what all kernels share. Nothing here or elsewhere may need a stack or data in memory. */
#pragma once
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name))) void name
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef v128_t vec;

INLINE vec load(const float *from) { return wasm_v128_load(from); }
INLINE void store(float *to, vec v) { wasm_v128_store(to, v); }
INLINE vec splat(float number) { return wasm_f32x4_splat(number); }
INLINE vec add(vec a, vec b) { return wasm_f32x4_add(a, b); }
INLINE vec sub(vec a, vec b) { return wasm_f32x4_sub(a, b); }

/** a × b + c: with one rounding where the machine can, in the fallback with two. */
INLINE vec madd(vec a, vec b, vec c) {
#ifdef __wasm_relaxed_simd__
  return wasm_f32x4_relaxed_madd(a, b, c);
#else
  return add(wasm_f32x4_mul(a, b), c);
#endif
}

/** a × factor + c. */
INLINE vec scaled(vec a, float factor, vec c) { return madd(a, splat(factor), c); }

INLINE vec larger(vec a, vec b) { return wasm_f32x4_pmax(a, b); }
INLINE vec smaller(vec a, vec b) { return wasm_f32x4_pmin(a, b); }

/** What is done to the sums of a layer before they are stored. */
struct finish {
  /** One number per filter or unit, up to a multiple of 4. */
  const float *bias;
  /** 0 for ReLU, else -∞; 6 for ReLU6, else ∞. For bytes at least 0 and at most 127. */
  float floor, ceiling;
  /** Whether they are rounded to integers and stored as bytes. */
  int is_bytes;
};

INLINE vec finished(const struct finish *finish, int filter, vec sum) {
  return smaller(larger(add(sum, load(finish->bias + filter)), splat(finish->floor)), splat(finish->ceiling));
}

/** Finishes the sums of four filters and stores them, `at` numbers behind `y`. */
INLINE void put(const struct finish *finish, int filter, vec sum, void *y, int at) {
  vec numbers = finished(finish, filter, sum);
  if (!finish->is_bytes) return store((float *)y + at, numbers);
  // Behind 2^23 there are no fractions: the sum is rounded to the nearest integer, which is then in its lowest byte.
  vec whole = add(numbers, splat(8388608));
  vec bytes = wasm_i8x16_shuffle(whole, whole, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
  wasm_v128_store32_lane((uint8_t *)y + at, bytes, 0);
}

/** Filters of the next group: 8, and 4 at the end if they are no multiple of 8. */
INLINE int group_width(int left) { return left >= 8 ? 8 : 4; }
