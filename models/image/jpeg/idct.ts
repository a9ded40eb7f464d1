/**
 * Inverse cosine transforms that give exactly what libjpeg's "islow" gives, at full size, 1/2, 1/4 and 1/8
 * (jidctint.c and jidctred.c: Loeffler, Ligtenberg and Moschytz, 13 bits of fraction).
 *
 * @module
 */

/**
 * Transforms one block.
 *
 * @param block 64 coefficients in rows, from `at`.
 * @param at Index of the first.
 * @param quantization 64 factors in rows.
 * @param plane Where the samples go.
 * @param to Index of the first.
 * @param stride From row to row of the plane.
 */
export type InverseTransform = (
  block: Int16Array,
  at: number,
  quantization: Uint16Array,
  plane: Uint8ClampedArray,
  to: number,
  stride: number,
) => void;

const work = new Int32Array(64);

/** To 8 × 8 samples. */
export const transform8: InverseTransform = (block, at, quantization, plane, to, stride) => {
  for (let x = 0; x < 8; x++) {
    const i = at + x;
    const zero = block[i]! * quantization[x]!;
    if (
      (block[i + 8]! | block[i + 16]! | block[i + 24]! | block[i + 32]! | block[i + 40]! | block[i + 48]! |
        block[i + 56]!) === 0
    ) {
      const value = zero << 2;
      work[x] =
        work[x + 8] =
        work[x + 16] =
        work[x + 24] =
          value;
      work[x + 32] =
        work[x + 40] =
        work[x + 48] =
        work[x + 56] =
          value;
      continue;
    }
    let z2 = block[i + 16]! * quantization[x + 16]!;
    let z3 = block[i + 48]! * quantization[x + 48]!;
    let z1 = Math.imul(z2 + z3, 4433);
    let tmp2 = z1 - Math.imul(z3, 15137);
    let tmp3 = z1 + Math.imul(z2, 6270);
    z3 = block[i + 32]! * quantization[x + 32]!;
    let tmp0 = (zero + z3) << 13;
    let tmp1 = (zero - z3) << 13;
    const tmp10 = tmp0 + tmp3;
    const tmp13 = tmp0 - tmp3;
    const tmp11 = tmp1 + tmp2;
    const tmp12 = tmp1 - tmp2;
    tmp0 = block[i + 56]! * quantization[x + 56]!;
    tmp1 = block[i + 40]! * quantization[x + 40]!;
    tmp2 = block[i + 24]! * quantization[x + 24]!;
    tmp3 = block[i + 8]! * quantization[x + 8]!;
    z1 = tmp0 + tmp3;
    z2 = tmp1 + tmp2;
    z3 = tmp0 + tmp2;
    let z4 = tmp1 + tmp3;
    const z5 = Math.imul(z3 + z4, 9633);
    z1 = Math.imul(z1, -7373);
    z2 = Math.imul(z2, -20995);
    z3 = Math.imul(z3, -16069) + z5;
    z4 = Math.imul(z4, -3196) + z5;
    tmp0 = Math.imul(tmp0, 2446) + z1 + z3;
    tmp1 = Math.imul(tmp1, 16819) + z2 + z4;
    tmp2 = Math.imul(tmp2, 25172) + z2 + z3;
    tmp3 = Math.imul(tmp3, 12299) + z1 + z4;
    work[x] = (tmp10 + tmp3 + 1024) >> 11;
    work[x + 56] = (tmp10 - tmp3 + 1024) >> 11;
    work[x + 8] = (tmp11 + tmp2 + 1024) >> 11;
    work[x + 48] = (tmp11 - tmp2 + 1024) >> 11;
    work[x + 16] = (tmp12 + tmp1 + 1024) >> 11;
    work[x + 40] = (tmp12 - tmp1 + 1024) >> 11;
    work[x + 24] = (tmp13 + tmp0 + 1024) >> 11;
    work[x + 32] = (tmp13 - tmp0 + 1024) >> 11;
  }
  for (let i = 0; i < 64; i += 8, to += stride) {
    let z2 = work[i + 2]!;
    let z3 = work[i + 6]!;
    let z1 = Math.imul(z2 + z3, 4433);
    let tmp2 = z1 - Math.imul(z3, 15137);
    let tmp3 = z1 + Math.imul(z2, 6270);
    let tmp0 = (work[i]! + work[i + 4]!) << 13;
    let tmp1 = (work[i]! - work[i + 4]!) << 13;
    // Rounding, and 128 for the level shift.
    const tmp10 = tmp0 + tmp3 + ROUND_18;
    const tmp13 = tmp0 - tmp3 + ROUND_18;
    const tmp11 = tmp1 + tmp2 + ROUND_18;
    const tmp12 = tmp1 - tmp2 + ROUND_18;
    tmp0 = work[i + 7]!;
    tmp1 = work[i + 5]!;
    tmp2 = work[i + 3]!;
    tmp3 = work[i + 1]!;
    z1 = tmp0 + tmp3;
    z2 = tmp1 + tmp2;
    z3 = tmp0 + tmp2;
    let z4 = tmp1 + tmp3;
    const z5 = Math.imul(z3 + z4, 9633);
    z1 = Math.imul(z1, -7373);
    z2 = Math.imul(z2, -20995);
    z3 = Math.imul(z3, -16069) + z5;
    z4 = Math.imul(z4, -3196) + z5;
    tmp0 = Math.imul(tmp0, 2446) + z1 + z3;
    tmp1 = Math.imul(tmp1, 16819) + z2 + z4;
    tmp2 = Math.imul(tmp2, 25172) + z2 + z3;
    tmp3 = Math.imul(tmp3, 12299) + z1 + z4;
    plane[to] = (tmp10 + tmp3) >> 18;
    plane[to + 7] = (tmp10 - tmp3) >> 18;
    plane[to + 1] = (tmp11 + tmp2) >> 18;
    plane[to + 6] = (tmp11 - tmp2) >> 18;
    plane[to + 2] = (tmp12 + tmp1) >> 18;
    plane[to + 5] = (tmp12 - tmp1) >> 18;
    plane[to + 3] = (tmp13 + tmp0) >> 18;
    plane[to + 4] = (tmp13 - tmp0) >> 18;
  }
};

const ROUND_18 = (128 << 18) + (1 << 17);
const ROUND_19 = (128 << 19) + (1 << 18);

/** To 4 × 4 samples. */
export const transform4: InverseTransform = (block, at, quantization, plane, to, stride) => {
  for (let x = 0; x < 8; x++) {
    if (x === 4) continue;
    const i = at + x;
    const tmp0 = (block[i]! * quantization[x]!) << 14;
    const even2 = block[i + 16]! * quantization[x + 16]!;
    const even6 = block[i + 48]! * quantization[x + 48]!;
    const tmp2 = Math.imul(even2, 15137) - Math.imul(even6, 6270);
    const [tmp10, tmp12] = [tmp0 + tmp2 + 2048, tmp0 - tmp2 + 2048];
    const z1 = block[i + 56]! * quantization[x + 56]!;
    const z2 = block[i + 40]! * quantization[x + 40]!;
    const z3 = block[i + 24]! * quantization[x + 24]!;
    const z4 = block[i + 8]! * quantization[x + 8]!;
    const inner = Math.imul(z1, -1730) + Math.imul(z2, 11893) - Math.imul(z3, 17799) + Math.imul(z4, 8697);
    const outer = Math.imul(z1, -4176) - Math.imul(z2, 4926) + Math.imul(z3, 7373) + Math.imul(z4, 20995);
    work[x] = (tmp10 + outer) >> 12;
    work[x + 24] = (tmp10 - outer) >> 12;
    work[x + 8] = (tmp12 + inner) >> 12;
    work[x + 16] = (tmp12 - inner) >> 12;
  }
  for (let i = 0; i < 32; i += 8, to += stride) {
    const tmp0 = (work[i]! << 14) + ROUND_19;
    const tmp2 = Math.imul(work[i + 2]!, 15137) - Math.imul(work[i + 6]!, 6270);
    const [z1, z2, z3, z4] = [work[i + 7]!, work[i + 5]!, work[i + 3]!, work[i + 1]!];
    const inner = Math.imul(z1, -1730) + Math.imul(z2, 11893) - Math.imul(z3, 17799) + Math.imul(z4, 8697);
    const outer = Math.imul(z1, -4176) - Math.imul(z2, 4926) + Math.imul(z3, 7373) + Math.imul(z4, 20995);
    plane[to] = (tmp0 + tmp2 + outer) >> 19;
    plane[to + 3] = (tmp0 + tmp2 - outer) >> 19;
    plane[to + 1] = (tmp0 - tmp2 + inner) >> 19;
    plane[to + 2] = (tmp0 - tmp2 - inner) >> 19;
  }
};

const ROUND_20 = (128 << 20) + (1 << 19);

/** To 2 × 2 samples. */
export const transform2: InverseTransform = (block, at, quantization, plane, to, stride) => {
  for (let x = 0; x < 8; x += x === 0 ? 1 : 2) {
    const i = at + x;
    const even = ((block[i]! * quantization[x]!) << 15) + 4096;
    const odd = Math.imul(block[i + 56]! * quantization[x + 56]!, -5906) +
      Math.imul(block[i + 40]! * quantization[x + 40]!, 6967) -
      Math.imul(block[i + 24]! * quantization[x + 24]!, 10426) +
      Math.imul(block[i + 8]! * quantization[x + 8]!, 29692);
    work[x] = (even + odd) >> 13;
    work[x + 8] = (even - odd) >> 13;
  }
  for (let i = 0; i < 16; i += 8, to += stride) {
    const even = (work[i]! << 15) + ROUND_20;
    const odd = Math.imul(work[i + 7]!, -5906) + Math.imul(work[i + 5]!, 6967) -
      Math.imul(work[i + 3]!, 10426) + Math.imul(work[i + 1]!, 29692);
    plane[to] = (even + odd) >> 20;
    plane[to + 1] = (even - odd) >> 20;
  }
};

/** To one sample. */
export const transform1: InverseTransform = (block, at, quantization, plane, to) => {
  plane[to] = ((block[at]! * quantization[0]! + 4) >> 3) + 128;
};

/** By the number of samples a side. */
export const TRANSFORMS: Readonly<Record<number, InverseTransform>> = {
  1: transform1,
  2: transform2,
  4: transform4,
  8: transform8,
};
