/**
 * Operations on each channel of a matrix of rows × channels: batch normalisation, bias, ReLU, and their gradients.
 * The number of channels is a multiple of 4. Sums over blocks of rows are in double precision.
 */

/** Number of rows that are summed in single precision. */
const BLOCK: usize = 128;

@inline function addDoubles(to: usize, sum: v128): void {
  v128.store(to, f64x2.add(v128.load(to), f64x2.promote_low_f32x4(sum)));
  const high = i32x4.shuffle(sum, sum, 2, 3, 2, 3);
  v128.store(to, f64x2.add(v128.load(to, 16), f64x2.promote_low_f32x4(high)), 16);
}

/** @param sums 2 × channels doubles, to which the sums and the sums of squares are added. */
export function addMoments(x: usize, rows: usize, channels: usize, sums: usize): void {
  const row = channels << 2;
  for (let first: usize = 0; first < rows; first += BLOCK) {
    const end = x + min(BLOCK, rows - first) * row;
    for (let c: usize = 0; c < row; c += 16) {
      let sum = f32x4.splat(0), squares = f32x4.splat(0);
      for (let p = x + c; p < end; p += row) {
        const v = v128.load(p);
        sum = f32x4.add(sum, v);
        squares = f32x4.relaxed_madd(v, v, squares);
      }
      addDoubles(sums + 2 * c, sum);
      addDoubles(sums + 2 * row + 2 * c, squares);
    }
    x = end;
  }
}

/** y = max(x × scale + shift, floor). */
export function scaleShift(
  x: usize, y: usize, rows: usize, channels: usize, scale: usize, shift: usize, floor: f32,
): void {
  const row = channels << 2, low = f32x4.splat(floor);
  for (let i: usize = 0; i < rows; i++) {
    for (let c: usize = 0; c < row; c += 16) {
      const v = f32x4.relaxed_madd(v128.load(x + c), v128.load(scale + c), v128.load(shift + c));
      v128.store(y + c, f32x4.max(v, low));
    }
    x += row; y += row;
  }
}

/**
 * Sums the gradient where y is above the floor, and its products with x.
 *
 * @param sums 2 × channels doubles, to which they are added.
 */
export function addGradientMoments(
  dy: usize, y: usize, x: usize, rows: usize, channels: usize, floor: f32, sums: usize,
): void {
  const row = channels << 2, low = f32x4.splat(floor);
  for (let first: usize = 0; first < rows; first += BLOCK) {
    const size = min(BLOCK, rows - first) * row;
    for (let c: usize = 0; c < row; c += 16) {
      let sum = f32x4.splat(0), products = f32x4.splat(0);
      for (let p = c; p < size; p += row) {
        const dz = v128.and(v128.load(dy + p), f32x4.gt(v128.load(y + p), low));
        sum = f32x4.add(sum, dz);
        products = f32x4.relaxed_madd(dz, v128.load(x + p), products);
      }
      addDoubles(sums + 2 * c, sum);
      addDoubles(sums + 2 * row + 2 * c, products);
    }
    dy += size; y += size; x += size;
  }
}

/** dx = a × dz + b × x + c per channel; dz is dy where y is above the floor, else 0. */
export function gradientByInput(
  dy: usize, y: usize, x: usize, dx: usize, rows: usize, channels: usize, floor: f32, a: usize, b: usize, c: usize,
): void {
  const row = channels << 2, low = f32x4.splat(floor);
  for (let i: usize = 0; i < rows; i++) {
    for (let p: usize = 0; p < row; p += 16) {
      const dz = v128.and(v128.load(dy + p), f32x4.gt(v128.load(y + p), low));
      const rest = f32x4.relaxed_madd(v128.load(b + p), v128.load(x + p), v128.load(c + p));
      v128.store(dx + p, f32x4.relaxed_madd(v128.load(a + p), dz, rest));
    }
    dy += row; y += row; x += row; dx += row;
  }
}
