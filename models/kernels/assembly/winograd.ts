/**
 * 3×3 convolution, stride 1, by F(4×4, 3×3) of Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", 2015, section 4.3): 36 multiplications instead of 144 for 16 pixels.
 *
 * An image is cut into tiles of 6×6 that overlap by two, each is transformed (36 planes), each plane is a matrix product
 * over the channels, and the products are transformed back to 4×4 pixels. `block` tiles are processed together, counted
 * along the rows, then down, then from image to image. A plane is `planeBytes` long: the extra bytes keep the planes of one
 * pixel out of the same set of the cache.
 */
import { columnsByColumns, rowsByPanel } from "./tile";

@inline function times(a: v128, factor: f32): v128 { return f32x4.mul(a, f32x4.splat(factor)); }
@inline function madd(a: v128, factor: f32, b: v128): v128 { return f32x4.relaxed_madd(a, f32x4.splat(factor), b); }

/** Bytes of 36 vectors. */
const LINE: usize = 576;

/** Bytes from a plane of `tiles` rows of `channels` numbers to the next. */
function planeBytes(tiles: usize, channels: usize): usize {
  return (((tiles * channels << 2) + 4095) & ~4095) + 64;
}

/** Bytes that `convolve3` and `addKernelGradient3` need: a line, a patch, and the planes of both sides. */
export function scratchBytes(block: usize, inputs: usize, outputs: usize): usize {
  return LINE + 36 * (4 * inputs + planeBytes(block, inputs) + planeBytes(block, outputs)) + 64;
}

/** Bᵀ over six numbers `step` apart, to six numbers `out` apart. */
@inline function inputLine(from: usize, step: usize, to: usize, out: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step);
  const d3 = v128.load(from + 3 * step), d4 = v128.load(from + 4 * step), d5 = v128.load(from + 5 * step);
  const a = madd(d2, -4, d4), b = madd(d1, -4, d3), c = f32x4.sub(d4, d2), d = f32x4.sub(d3, d1);
  v128.store(to, madd(d0, 4, madd(d2, -5, d4)));
  v128.store(to + out, f32x4.add(a, b));
  v128.store(to + 2 * out, f32x4.sub(a, b));
  v128.store(to + 3 * out, madd(d, 2, c));
  v128.store(to + 4 * out, madd(d, -2, c));
  v128.store(to + 5 * out, madd(d1, 4, madd(d3, -5, d5)));
}

/** Aᵀ over six numbers, to four. */
@inline function outputLine(from: usize, step: usize, to: usize, out: usize, wanted: usize): void {
  const m0 = v128.load(from), m1 = v128.load(from + step), m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step), m4 = v128.load(from + 4 * step), m5 = v128.load(from + 5 * step);
  const a = f32x4.add(m1, m2), b = f32x4.sub(m1, m2), c = f32x4.add(m3, m4), d = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(m0, f32x4.add(a, c)));
  if (wanted > 1) v128.store(to + out, madd(d, 2, b));
  if (wanted > 2) v128.store(to + 2 * out, madd(c, 4, a));
  if (wanted > 3) v128.store(to + 3 * out, f32x4.add(madd(d, 8, b), m5));
}

/** A over four numbers (those past `given` are 0), to six: the transpose of `outputLine`. */
@inline function gradientLine(from: usize, step: usize, to: usize, out: usize, given: usize): void {
  const zero = f32x4.splat(0);
  const y0 = v128.load(from), y1 = given > 1 ? v128.load(from + step) : zero;
  const y2 = given > 2 ? v128.load(from + 2 * step) : zero, y3 = given > 3 ? v128.load(from + 3 * step) : zero;
  const even = f32x4.add(y0, y2), odd = f32x4.add(y1, y3);
  const even4 = madd(y2, 4, y0), odd8 = madd(y3, 8, times(y1, 2));
  v128.store(to, y0);
  v128.store(to + out, f32x4.add(even, odd));
  v128.store(to + 2 * out, f32x4.sub(even, odd));
  v128.store(to + 3 * out, f32x4.add(even4, odd8));
  v128.store(to + 4 * out, f32x4.sub(even4, odd8));
  v128.store(to + 5 * out, y3);
}

/** G over three numbers, to six. */
@inline function kernelLine(from: usize, step: usize, to: usize, out: usize): void {
  const g0 = v128.load(from), g1 = v128.load(from + step), g2 = v128.load(from + 2 * step);
  const sum = f32x4.add(g0, g2), far = madd(g2, 4, g0);
  v128.store(to, times(g0, 0.25));
  v128.store(to + out, times(f32x4.add(sum, g1), -1.0 / 6));
  v128.store(to + 2 * out, times(f32x4.sub(g1, sum), 1.0 / 6));
  v128.store(to + 3 * out, times(madd(g1, 2, far), 1.0 / 24));
  v128.store(to + 4 * out, times(madd(g1, -2, far), 1.0 / 24));
  v128.store(to + 5 * out, g2);
}

/** Gᵀ over six numbers, to three. */
@inline function kernelGradientLine(from: usize, step: usize, to: usize, out: usize): void {
  const u0 = v128.load(from), u1 = v128.load(from + step), u2 = v128.load(from + 2 * step);
  const u3 = v128.load(from + 3 * step), u4 = v128.load(from + 4 * step), u5 = v128.load(from + 5 * step);
  const a = times(f32x4.add(u1, u2), 1.0 / 6), b = times(f32x4.sub(u2, u1), 1.0 / 6);
  const c = times(f32x4.add(u3, u4), 1.0 / 24), d = times(f32x4.sub(u3, u4), 1.0 / 24);
  v128.store(to, f32x4.add(madd(u0, 0.25, c), times(a, -1)));
  v128.store(to + out, madd(d, 2, b));
  v128.store(to + 2 * out, f32x4.add(madd(c, 4, u5), times(a, -1)));
}

/**
 * Transforms a kernel.
 *
 * @param kernel 3 × 3 × inputs × outputs; outputs is a multiple of 8.
 * @param panels 36 planes of outputs/8 × inputs × 8.
 * @param line Room for 18 vectors.
 */
export function transformKernel(kernel: usize, panels: usize, inputs: usize, outputs: usize, line: usize): void {
  const tap = inputs * outputs << 2, plane = tap;
  for (let output: usize = 0; output < outputs; output += 4) {
    for (let input: usize = 0; input < inputs; input++) {
      const from = kernel + (input * outputs + output << 2);
      const to = panels + ((output >> 3) * inputs * 8 + input * 8 + (output & 4) << 2);
      for (let x: usize = 0; x < 3; x++) kernelLine(from + x * tap, 3 * tap, line + x * 16, 48);
      for (let y: usize = 0; y < 6; y++) kernelLine(line + y * 48, 16, to + y * 6 * plane, plane);
    }
  }
}

/** Pixels of a tile that are inside the image, along one direction. */
@inline function inside(tile: usize, extent: usize): usize { return min<usize>(4, extent - tile * 4); }

/** Copies 6×6 pixels, with zeros outside of the image. */
function gather(
  image: usize, height: isize, width: isize, pixel: usize, top: isize, left: isize, patch: usize,
): void {
  memory.fill(patch, 0, 36 * pixel);
  const from = max<isize>(0, -left), to = min<isize>(6, width - left);
  if (to <= from) return;
  for (let y = max<isize>(0, -top); y < min<isize>(6, height - top); y++) {
    const source = image + <usize>((top + y) * width + left + from) * pixel;
    memory.copy(patch + <usize>(y * 6 + from) * pixel, source, <usize>(to - from) * pixel);
  }
}

/**
 * Transforms tiles of images.
 *
 * @param images Images × height × width × channels.
 * @param zeros Rows and columns of zeros before each image.
 * @param planes 36 planes of tiles × channels.
 * @param line Room for 36 vectors, then for 36 pixels.
 */
function transformTiles(
  images: usize, height: usize, width: usize, channels: usize, zeros: usize, first: usize, count: usize,
  across: usize, each: usize, planes: usize, plane: usize, line: usize,
): void {
  const pixel = channels << 2, patch = line + LINE;
  for (let tile: usize = 0; tile < count; tile++) {
    const index = first + tile, place = index % each, image = images + index / each * height * width * pixel;
    const top = <isize>(place / across * 4) - <isize>zeros, left = <isize>(place % across * 4) - <isize>zeros;
    const isInside = top >= 0 && left >= 0 && top + 6 <= <isize>height && left + 6 <= <isize>width;
    if (!isInside) gather(image, height, width, pixel, top, left, patch);
    const corner = isInside ? image + (<usize>top * width + <usize>left) * pixel : patch;
    const row = isInside ? width * pixel : 6 * pixel, to = planes + tile * pixel;
    for (let c: usize = 0; c < pixel; c += 16) {
      for (let x: usize = 0; x < 6; x++) inputLine(corner + c + x * pixel, row, line + x * 16, 96);
      for (let y: usize = 0; y < 6; y++) inputLine(line + y * 96, 16, to + c + y * 6 * plane, plane);
    }
  }
}

function transformBack(
  planes: usize, plane: usize, out: usize, rows: usize, columns: usize, filters: usize, first: usize, count: usize,
  across: usize, each: usize, line: usize,
): void {
  const pixel = filters << 2, row = columns * pixel;
  for (let tile: usize = 0; tile < count; tile++) {
    const index = first + tile, place = index % each, ty = place / across, tx = place % across;
    const high = inside(ty, rows), wide = inside(tx, columns);
    const from = planes + tile * pixel, to = out + (index / each * rows + ty * 4) * row + tx * 4 * pixel;
    for (let c: usize = 0; c < pixel; c += 16) {
      for (let x: usize = 0; x < 6; x++) outputLine(from + c + x * plane, 6 * plane, line + x * 16, 96, high);
      for (let y: usize = 0; y < high; y++) outputLine(line + y * 96, 16, to + c + y * row, pixel, wide);
    }
  }
}

function transformGradient(
  dy: usize, rows: usize, columns: usize, filters: usize, first: usize, count: usize, across: usize, each: usize,
  planes: usize, plane: usize, line: usize,
): void {
  const pixel = filters << 2, row = columns * pixel;
  for (let tile: usize = 0; tile < count; tile++) {
    const index = first + tile, place = index % each, ty = place / across, tx = place % across;
    const high = inside(ty, rows), wide = inside(tx, columns);
    const from = dy + (index / each * rows + ty * 4) * row + tx * 4 * pixel, to = planes + tile * pixel;
    for (let c: usize = 0; c < pixel; c += 16) {
      for (let x: usize = 0; x < wide; x++) gradientLine(from + c + x * pixel, row, line + x * 16, 96, high);
      for (let y: usize = 0; y < 6; y++) gradientLine(line + y * 96, 16, to + c + y * 6 * plane, plane, wide);
    }
  }
}

/** Each plane of tiles times its plane of the kernel. */
function multiply(
  from: usize, fromPlane: usize, panels: usize, to: usize, toPlane: usize, count: usize, inputs: usize, outputs: usize,
): void {
  const row = inputs << 2, out = outputs << 2, last = count - 1;
  for (let plane: usize = 0; plane < 36; plane++) {
    for (let output: usize = 0; output < outputs; output += 8) {
      const panel = panels + (plane * inputs * outputs + output * inputs << 2);
      for (let tile: usize = 0; tile < count; tile += 6) {
        const t1 = min(tile + 1, last), t2 = min(tile + 2, last), t3 = min(tile + 3, last);
        const t4 = min(tile + 4, last), t5 = min(tile + 5, last);
        const p = from + plane * fromPlane, o = to + plane * toPlane + (output << 2);
        rowsByPanel(
          p + tile * row, p + t1 * row, p + t2 * row, p + t3 * row, p + t4 * row, p + t5 * row, panel, 1, row, row,
          o + tile * out, o + t1 * out, o + t2 * out, o + t3 * out, o + t4 * out, o + t5 * out,
        );
      }
    }
  }
}

/**
 * Convolves images.
 *
 * @param x Images × height × width × inputs; inputs is a multiple of 4.
 * @param zeros Rows and columns of zeros around each image.
 * @param panels From `transformKernel`.
 * @param out Images × (height + 2 × zeros - 2) × (width + 2 × zeros - 2) × outputs; outputs is a multiple of 8.
 * @param block Number of tiles that are processed together.
 * @param scratch Of `scratchBytes`.
 */
export function convolve3(
  x: usize, images: usize, height: usize, width: usize, inputs: usize, zeros: usize, panels: usize, out: usize,
  outputs: usize, block: usize, scratch: usize,
): void {
  const rows = height + 2 * zeros - 2, columns = width + 2 * zeros - 2;
  const across = (columns + 3) / 4, each = across * ((rows + 3) / 4), tiles = each * images;
  const inPlane = planeBytes(block, inputs), outPlane = planeBytes(block, outputs);
  const from = scratch + LINE + 36 * 4 * inputs, to = from + 36 * inPlane;
  for (let first: usize = 0; first < tiles; first += block) {
    const count = min(block, tiles - first);
    transformTiles(x, height, width, inputs, zeros, first, count, across, each, from, inPlane, scratch);
    multiply(from, inPlane, panels, to, outPlane, count, inputs, outputs);
    transformBack(to, outPlane, out, rows, columns, outputs, first, count, across, each, scratch);
  }
}

/**
 * Adds the gradient with respect to the transformed kernel.
 *
 * @param x As for `convolve3`.
 * @param dy Like `out` of `convolve3`.
 * @param sums 36 planes of depth × outputs, where depth is inputs rounded up to a multiple of 6.
 * @param scratch Of `scratchBytes`.
 */
export function addKernelGradient3(
  x: usize, images: usize, height: usize, width: usize, inputs: usize, zeros: usize, dy: usize, sums: usize,
  outputs: usize, block: usize, scratch: usize,
): void {
  const rows = height + 2 * zeros - 2, columns = width + 2 * zeros - 2;
  const across = (columns + 3) / 4, each = across * ((rows + 3) / 4), tiles = each * images;
  const inPlane = planeBytes(block, inputs), outPlane = planeBytes(block, outputs);
  const from = scratch + LINE + 36 * 4 * inputs, to = from + 36 * inPlane, out = outputs << 2;
  const sixes = (inputs + 5) / 6;
  for (let first: usize = 0; first < tiles; first += block) {
    const count = min(block, tiles - first);
    transformTiles(x, height, width, inputs, zeros, first, count, across, each, from, inPlane, scratch);
    transformGradient(dy, rows, columns, outputs, first, count, across, each, to, outPlane, scratch);
    for (let plane: usize = 0; plane < 36; plane++) {
      for (let output: usize = 0; output < outputs; output += 8) {
        for (let six: usize = 0; six < sixes; six++) {
          const sum = sums + ((plane * sixes + six) * 6 * outputs + output << 2);
          const a = from + plane * inPlane + six * 24, y = to + plane * outPlane + (output << 2);
          columnsByColumns(a, y, 1, count, inputs << 2, out, 0, sum, out);
        }
      }
    }
  }
}

/**
 * Transforms sums of `addKernelGradient3` to the gradient with respect to the kernel.
 *
 * @param sums From `addKernelGradient3`.
 * @param gradient 3 × 3 × inputs × outputs.
 * @param line Room for 18 vectors.
 */
export function finishKernelGradient3(sums: usize, gradient: usize, inputs: usize, outputs: usize, line: usize): void {
  const plane = (inputs + 5) / 6 * 6 * outputs << 2, tap = inputs * outputs << 2;
  for (let at: usize = 0; at < tap; at += 16) {
    for (let x: usize = 0; x < 6; x++) kernelGradientLine(sums + at + x * plane, 6 * plane, line + x * 16, 96);
    for (let y: usize = 0; y < 3; y++) kernelGradientLine(line + y * 96, 16, gradient + at + y * 3 * tap, tap);
  }
}
