import { type FormName, FORMS } from "./canonical/forms.ts";
import type { Observer } from "./canonical/form.ts";
import type { Pixels } from "./format.ts";
import { axisTaps, type Taps } from "./resample.ts";
import type { View } from "./views.ts";

/** The form that every image is brought into before the first layer. */
export interface InputSpec {
  /** In pixels, 1 to 1,024. */
  readonly width: number;
  /** In pixels, 1 to 1,024. */
  readonly height: number;
  /** 1 is grey (ITU-R BT.601 luma), 3 is RGB. */
  readonly channels: 1 | 3;
  /** For each channel: subtracted from the value scaled to 0…1. */
  readonly mean: readonly number[];
  /** For each channel: then divided by (> 0). */
  readonly std: readonly number[];
  /** The procedure that finds what the image shows and draws it as the training data does. @default plain resizing */
  readonly form?: FormName;
  /**
   * The views in which the network sees each image, 1 to 16; their logits are averaged. Each costs the time of one
   * image. @default the image as it is
   */
  readonly views?: readonly View[];
}

/** Luma of ITU-R BT.601, section 2.5.1. */
const [RED, GREEN, BLUE] = [0.299, 0.587, 0.114] as const;

/**
 * Brings an image into the form a model was trained on: by the procedure its manifest names, if any; then transparency
 * over black, grey or RGB, resized, standardised.
 *
 * Each side is stretched or shrunk on its own to the model's: by the mean over the area that becomes one pixel when
 * shrinking, bilinearly when growing.
 *
 * @param pixels Any decoded image.
 * @param spec The form.
 * @param target Where to write `height × width × channels` numbers, rows from the top.
 * @param observe Is shown each step of the procedure; nothing if the image already is in the form.
 *
 * @example
 * ```ts
 * import { toCanonical } from "./canonical.ts";
 * const spec = { width: 1, height: 1, channels: 1, mean: [0.5], std: [0.5] } as const;
 * const target = new Float32Array(1);
 * toCanonical({ width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 255) }, spec, target);
 * console.log(target[0]); // 0: the mean of black and white
 * ```
 */
export function toCanonical(
  pixels: Pixels,
  spec: InputSpec,
  target: Float32Array,
  observe?: Observer,
): void {
  standardisePixels(bringIntoForm(pixels, spec, observe), spec, target);
}

/**
 * The first half of {@linkcode toCanonical}: the procedure that the manifest names.
 *
 * @param pixels Any decoded image.
 * @param spec The form.
 * @param observe As for {@linkcode toCanonical}.
 * @returns The same object if there is no procedure, or the image is in the form already.
 */
export function bringIntoForm(pixels: Pixels, { form }: InputSpec, observe?: Observer): Pixels {
  return form === undefined ? pixels : FORMS[form](pixels, observe);
}

/**
 * The second half of {@linkcode toCanonical}: to the numbers of the model's size and channels.
 *
 * @param formed From {@linkcode bringIntoForm}.
 * @param spec The form.
 * @param target As for {@linkcode toCanonical}.
 */
export function standardisePixels(formed: Pixels, spec: InputSpec, target: Float32Array): void {
  if (formed.width === spec.width && formed.height === spec.height) copy(formed, spec, target);
  else resize(formed, spec, target);
}

/**
 * What becomes of each sample of 8 bits where the channels are those of the model.
 *
 * @param spec The form.
 * @returns 256 numbers per channel.
 */
export function standardisedSamples({ channels, mean, std }: InputSpec): Float32Array {
  return Float32Array.from({ length: 256 * channels }, (_, i) => {
    const channel = i >> 8;
    return ((i & 255) / 255 - mean[channel]!) / std[channel]!;
  });
}

/** The common case, and much faster than to resize to the same size. */
function copy(pixels: Pixels, spec: InputSpec, target: Float32Array): void {
  const line = new Float64Array(spec.width * spec.channels);
  for (let y = 0; y < spec.height; y++) {
    convertLine(pixels, y, spec.channels, line);
    standardise(line, spec, target, y * line.length);
  }
}

function resize(pixels: Pixels, spec: InputSpec, target: Float32Array): void {
  const { width, height, channels } = spec;
  const columns = axisTaps(pixels.width, width);
  const rows = axisTaps(pixels.height, height);
  const source = new RowSource(pixels, spec, columns);
  const sum = new Float64Array(width * channels);
  for (let y = 0; y < height; y++) {
    sum.fill(0);
    const start = rows.starts[y]!;
    rows.weights[y]!.forEach((weight, i) => accumulate(sum, source.row(start + i), weight));
    standardise(sum, spec, target, y * sum.length);
  }
}

/** Rows of the source, converted and resampled across; the last two are kept, since neighbours share them. */
class RowSource {
  readonly #pixels: Pixels;
  readonly #channels: 1 | 3;
  readonly #columns: Taps;
  readonly #line: Float64Array;
  readonly #kept: { y: number; row: Float64Array }[];

  constructor(pixels: Pixels, { width, channels }: InputSpec, columns: Taps) {
    this.#pixels = pixels;
    this.#channels = channels;
    this.#columns = columns;
    this.#line = new Float64Array(pixels.width * channels);
    this.#kept = [0, 1].map(() => ({ y: -1, row: new Float64Array(width * channels) }));
  }

  row(y: number): Float64Array {
    const kept = this.#kept[y % 2]!;
    if (kept.y !== y) {
      convertLine(this.#pixels, y, this.#channels, this.#line);
      resampleLine(this.#line, this.#columns, this.#channels, kept.row);
      kept.y = y;
    }
    return kept.row;
  }
}

function convertLine(pixels: Pixels, y: number, wanted: 1 | 3, line: Float64Array): void {
  const { width, channels, data } = pixels;
  let from = y * width * channels;
  if (channels === 1 && wanted === 1) {
    for (let x = 0; x < width; x++) line[x] = data[from++]!;
    return;
  }
  for (let x = 0; x < width; x++, from += channels) {
    const opacity = channels === 4 ? data[from + 3]! / 255 : 1;
    const red = data[from]! * opacity;
    const green = channels === 1 ? red : data[from + 1]! * opacity;
    const blue = channels === 1 ? red : data[from + 2]! * opacity;
    if (wanted === 1) {
      // Grey stays exactly what it is, whatever number of channels it came in.
      line[x] = red === green && green === blue ? red : RED * red + GREEN * green + BLUE * blue;
    } else {
      line[3 * x] = red;
      line[3 * x + 1] = green;
      line[3 * x + 2] = blue;
    }
  }
}

function resampleLine(
  line: Float64Array,
  { starts, weights }: Taps,
  channels: 1 | 3,
  row: Float64Array,
): void {
  for (let x = 0; x < weights.length; x++) {
    const taps = weights[x]!;
    const start = starts[x]! * channels;
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let i = 0; i < taps.length; i++) sum += taps[i]! * line[start + i * channels + c]!;
      row[x * channels + c] = sum;
    }
  }
}

function accumulate(sum: Float64Array, row: Float64Array, weight: number): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += weight * row[i]!;
}

function standardise(line: Float64Array, spec: InputSpec, target: Float32Array, offset: number): void {
  const { channels, mean, std } = spec;
  for (let c = 0; c < channels; c++) {
    const [m, s] = [mean[c]!, std[c]!];
    for (let i = c; i < line.length; i += channels) target[offset + i] = (line[i]! / 255 - m) / s;
  }
}
