import type { ImageForm } from "../datasets/data_set.ts";

/** Quantisation of luminance, from the mean of a block to its finest pattern (ITU-T T.81, table K.1). */
// deno-fmt-ignore
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61,
  12, 12, 14, 19, 26, 58, 60, 55,
  14, 13, 16, 24, 40, 57, 69, 56,
  14, 17, 22, 29, 51, 87, 80, 62,
  18, 22, 37, 56, 68, 109, 103, 77,
  24, 35, 55, 64, 81, 104, 113, 92,
  49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];

/** Quantisation of chrominance; everything that is not listed is 99 (ITU-T T.81, table K.2). */
const CHROMINANCE = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56], [47, 66]];

const SIDE = 8;

/** `COSINES[8 u + x]`: the orthonormal discrete cosine transform of 8 samples (T.81, A.3.3). */
const COSINES = Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
  const [u, x] = [i >> 3, i % SIDE];
  return Math.sqrt((u === 0 ? 1 : 2) / SIDE) * Math.cos((2 * x + 1) * u * Math.PI / (2 * SIDE));
});

const [block, half] = [new Float64Array(SIDE * SIDE), new Float64Array(SIDE * SIDE)];

/** The samples of one component, e.g. the luminance: integers, as in a file. */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly samples: Uint8ClampedArray;
}

/** Settings of a lossy JPEG compression. */
export interface JpegLoss {
  /** 1 to 100, on the scale of the Independent JPEG Group. */
  readonly quality: number;
  /** Whether the chrominance has half the width and height. */
  readonly halved: boolean;
}

/**
 * Changes an image as if it were stored as JPEG and read again (ITU-T T.81 and JFIF).
 *
 * @param image `height × width × channels` samples; overwritten.
 * @param form Its form.
 * @param loss The settings.
 */
export function loseAsJpeg(
  image: Uint8Array,
  { width, height, channels }: ImageForm,
  { quality, halved }: JpegLoss,
): void {
  const coarse = steps(quality, (row, column) => LUMINANCE[SIDE * row + column]!);
  if (channels === 1) {
    const plane = { width, height, samples: new Uint8ClampedArray(image) };
    quantise(plane, coarse);
    image.set(plane.samples);
    return;
  }
  const planes = toYCbCr(image, width, height);
  quantise(planes[0]!, coarse);
  const coarseColour = steps(quality, (row, column) => CHROMINANCE[row]?.[column] ?? 99);
  for (const [i, plane] of planes.entries()) {
    if (i === 0) continue;
    const stored = halved ? halve(plane) : plane;
    quantise(stored, coarseColour);
    if (halved) double(stored, plane);
  }
  toRgb(planes, image);
}

function steps(quality: number, base: (row: number, column: number) => number): Float64Array {
  const percent = quality < 50 ? Math.floor(5_000 / quality) : 200 - 2 * quality;
  return Float64Array.from(
    { length: SIDE * SIDE },
    (_, i) => Math.min(255, Math.max(1, Math.floor((base(i >> 3, i % SIDE) * percent + 50) / 100))),
  );
}

/** Block by block; incomplete blocks repeat the last column and row. */
function quantise({ width, height, samples }: Plane, coarse: Float64Array): void {
  for (let top = 0; top < height; top += SIDE) {
    for (let left = 0; left < width; left += SIDE) {
      for (let i = 0; i < block.length; i++) {
        const [y, x] = [Math.min(height - 1, top + (i >> 3)), Math.min(width - 1, left + i % SIDE)];
        block[i] = samples[y * width + x]! - 128;
      }
      transform(block, half, false);
      transform(half, block, false);
      for (let i = 0; i < block.length; i++) block[i] = Math.round(block[i]! / coarse[i]!) * coarse[i]!;
      transform(block, half, true);
      transform(half, block, true);
      const [bottom, right] = [Math.min(height, top + SIDE), Math.min(width, left + SIDE)];
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) samples[y * width + x] = block[(y - top) * SIDE + x - left]! + 128;
      }
    }
  }
}

/** Transforms the rows and exchanges rows and columns: applied twice it is the complete transform. */
function transform(from: Float64Array, to: Float64Array, inverse: boolean): void {
  for (let row = 0; row < SIDE; row++) {
    for (let u = 0; u < SIDE; u++) {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) {
        sum += from[SIDE * row + x]! * COSINES[inverse ? SIDE * x + u : SIDE * u + x]!;
      }
      to[SIDE * u + row] = sum;
    }
  }
}

/** JFIF 1.02: luma and colour differences of ITU-R BT.601, over the full range. */
function toYCbCr(image: Uint8Array, width: number, height: number): Plane[] {
  const planes = [0, 1, 2].map(() => ({ width, height, samples: new Uint8ClampedArray(width * height) }));
  const [luma, blueness, redness] = planes.map(({ samples }) => samples);
  for (let i = 0; i < width * height; i++) {
    const [r, g, b] = [image[3 * i]!, image[3 * i + 1]!, image[3 * i + 2]!];
    const y = 0.299 * r + 0.587 * g + 0.114 * b;
    luma![i] = y;
    blueness![i] = (b - y) / 1.772 + 128;
    redness![i] = (r - y) / 1.402 + 128;
  }
  return planes;
}

function toRgb(planes: readonly Plane[], image: Uint8Array): void {
  const rgb = new Uint8ClampedArray(image.buffer, image.byteOffset, image.length);
  const [luma, blueness, redness] = planes.map(({ samples }) => samples);
  for (let i = 0; i < luma!.length; i++) {
    const [y, b, r] = [luma![i]!, blueness![i]! - 128, redness![i]! - 128];
    rgb[3 * i] = y + 1.402 * r;
    rgb[3 * i + 1] = y - (0.299 * 1.402 * r + 0.114 * 1.772 * b) / 0.587;
    rgb[3 * i + 2] = y + 1.772 * b;
  }
}

function halve({ width, height, samples }: Plane): Plane {
  const [columns, rows] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const halved = new Uint8ClampedArray(columns * rows);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const [above, left] = [2 * y * width, 2 * x];
      const [below, right] = [Math.min(height - 1, 2 * y + 1) * width, Math.min(width - 1, left + 1)];
      halved[y * columns + x] = (samples[above + left]! + samples[above + right]! + samples[below + left]! +
        samples[below + right]!) / 4;
    }
  }
  return { width: columns, height: rows, samples: halved };
}

/** Weighs the nearest sample with 3/4 and the next with 1/4 in each direction, as libjpeg does ("fancy"). */
function double(small: Plane, { width, height, samples }: Plane): void {
  for (let y = 0; y < height; y++) {
    const [row, nextRow] = nearest(y, small.height);
    for (let x = 0; x < width; x++) {
      const [column, nextColumn] = nearest(x, small.width);
      const at = (r: number, c: number) => small.samples[r * small.width + c]!;
      const near = 3 * at(row, column) + at(row, nextColumn);
      const next = 3 * at(nextRow, column) + at(nextRow, nextColumn);
      samples[y * width + x] = (3 * near + next) / 16;
    }
  }
}

/** Positions of the nearest sample and of the next, of a row or column that has half as many. */
function nearest(at: number, extent: number): [nearest: number, next: number] {
  const index = at >> 1;
  return [index, Math.max(0, Math.min(extent - 1, at % 2 === 0 ? index - 1 : index + 1))];
}
