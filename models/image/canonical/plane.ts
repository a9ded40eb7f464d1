import type { Pixels } from "../format.ts";
import { axisTaps, type Taps } from "../resample.ts";

/** One number per pixel, rows from the top. */
export interface Plane {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** `width × height` numbers. */
  readonly data: Float32Array;
}

/** A rectangle in pixels of a plane; fractions count. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Red, green and blue, then how opaque each pixel is; 0 to 1. Colours of transparent pixels are 0. */
export type Planes = readonly [red: Plane, green: Plane, blue: Plane, alpha: Plane];

/**
 * @param width In pixels.
 * @param height In pixels.
 * @returns A plane of zeros.
 */
export function blank({ width, height }: { width: number; height: number }): Plane {
  return { width, height, data: new Float32Array(width * height) };
}

/**
 * Reduces an image by area until its longer side is at most `side`, as planes; a smaller one keeps its size.
 *
 * @param pixels Any image.
 * @param side In pixels.
 * @returns Colours (not premultiplied) and alpha.
 */
export function reduce(pixels: Pixels, side: number): Planes {
  const scale = Math.min(1, side / Math.max(pixels.width, pixels.height));
  const width = Math.max(1, Math.round(pixels.width * scale));
  const height = Math.max(1, Math.round(pixels.height * scale));
  const columns = axisTaps(pixels.width, width);
  const rows = axisTaps(pixels.height, height);
  const planes = [0, 1, 2, 3].map(() => blank({ width, height })) as unknown as Planes;
  const line = new Float32Array(width * 4);
  for (let y = 0; y < height; y++) {
    const weights = rows.weights[y]!;
    for (let i = 0; i < weights.length; i++) {
      shrinkLine(pixels, rows.starts[y]! + i, columns, line);
      for (let c = 0; c < 4; c++) {
        const data = planes[c]!.data;
        for (let x = 0; x < width; x++) data[y * width + x]! += weights[i]! * line[4 * x + c]!;
      }
    }
  }
  divideByAlpha(planes);
  return planes;
}

/** One row: premultiplied red, green, blue and alpha, 0 to 1. */
function shrinkLine(
  { width, channels, data }: Pixels,
  y: number,
  { starts, weights }: Taps,
  line: Float32Array,
) {
  const offset = y * width * channels;
  for (let x = 0; x < weights.length; x++) {
    const taps = weights[x]!;
    let [red, green, blue, alpha] = [0, 0, 0, 0];
    for (let i = 0; i < taps.length; i++) {
      const at = offset + (starts[x]! + i) * channels;
      const weight = channels === 4 ? taps[i]! * data[at + 3]! / 255 : taps[i]!;
      red += weight * data[at]!;
      green += weight * data[channels === 1 ? at : at + 1]!;
      blue += weight * data[channels === 1 ? at : at + 2]!;
      alpha += weight;
    }
    line[4 * x] = red / 255;
    line[4 * x + 1] = green / 255;
    line[4 * x + 2] = blue / 255;
    line[4 * x + 3] = alpha;
  }
}

function divideByAlpha([red, green, blue, alpha]: Planes): void {
  for (let i = 0; i < alpha.data.length; i++) {
    const opacity = alpha.data[i]!;
    if (opacity === 0 || opacity > 0.9999) continue;
    for (const { data } of [red, green, blue]) data[i]! /= opacity;
  }
}

/**
 * Resamples a rectangle of a plane, by the mean over areas where it shrinks; outside the plane lie zeros.
 *
 * @param plane What to take it from.
 * @param box The rectangle; it may reach beyond the plane.
 * @param width Of the result, in pixels.
 * @param height Of the result, in pixels.
 * @returns The rectangle in its new size.
 */
export function resample(plane: Plane, box: Box, width: number, height: number): Plane {
  const columns = windowTaps(plane.width, box.left, box.width, width);
  const rows = windowTaps(plane.height, box.top, box.height, height);
  const result = blank({ width, height });
  const line = new Float64Array(width);
  for (let y = 0; y < plane.height; y++) {
    if (rows.every(({ start, weights }) => y < start || y >= start + weights.length)) continue;
    for (let x = 0; x < width; x++) {
      const { start, weights } = columns[x]!;
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * plane.data[y * plane.width + start + i]!;
      line[x] = sum;
    }
    rows.forEach(({ start, weights }, row) => {
      const weight = weights[y - start];
      if (weight === undefined) return;
      for (let x = 0; x < width; x++) result.data[row * width + x]! += weight * line[x]!;
    });
  }
  return result;
}

/** For each target element, the source elements under a box of its own width, but at least one element wide; none outside. */
function windowTaps(from: number, offset: number, length: number, to: number) {
  const ratio = length / to;
  const reach = Math.max(ratio, 1) / 2;
  return Array.from({ length: to }, (_, i) => {
    const centre = offset + (i + 0.5) * ratio;
    const start = Math.max(0, Math.floor(centre - reach));
    const end = Math.min(from, Math.ceil(centre + reach));
    const covered = (k: number) =>
      Math.min(centre + reach, start + k + 1) - Math.max(centre - reach, start + k);
    const inside = Math.min(from, centre + reach) - Math.max(0, centre - reach);
    const length = centre < 0 || centre > from ? 0 : end - start;
    return { start, weights: Float64Array.from({ length }, (_, k) => Math.max(0, covered(k)) / inside) };
  });
}

/**
 * @param data Any numbers.
 * @param threshold What is inside is above it.
 * @returns A mask: 1 inside, 0 outside.
 */
export function maskOf(data: Float32Array, threshold: number): Uint8Array<ArrayBuffer> {
  const mask = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) mask[i] = data[i]! > threshold ? 1 : 0;
  return mask;
}

/**
 * The Euclidean distance of each pixel to the nearest one outside the mask, in pixels; 0 outside.
 * P. F. Felzenszwalb and D. P. Huttenlocher, "Distance Transforms of Sampled Functions", 2012.
 *
 * @param inside What is inside: above 0.
 * @returns The distances.
 */
export function distances(inside: Uint8Array, width: number, height: number): Float32Array {
  const squared = new Float32Array(inside).map((value) => value > 0 ? 1e12 : 0);
  const size = Math.max(width, height);
  const scratch = {
    line: new Float64Array(size),
    apexes: new Int32Array(size),
    bounds: new Float64Array(size + 1),
  };
  for (let x = 0; x < width; x++) lowerEnvelope(squared, x, width, height, scratch);
  for (let y = 0; y < height; y++) lowerEnvelope(squared, y * width, 1, width, scratch);
  return squared.map(Math.sqrt);
}

interface Scratch {
  readonly line: Float64Array;
  readonly apexes: Int32Array;
  readonly bounds: Float64Array;
}

function lowerEnvelope(
  squared: Float32Array,
  offset: number,
  step: number,
  length: number,
  scratch: Scratch,
) {
  const { line, apexes, bounds } = scratch;
  for (let i = 0; i < length; i++) line[i] = squared[offset + i * step]!;
  let last = 0;
  apexes[0] = 0;
  bounds[0] = -Infinity;
  bounds[1] = Infinity;
  for (let i = 1; i < length; i++) {
    let crossing = meet(line, apexes[last]!, i);
    while (crossing <= bounds[last]!) crossing = meet(line, apexes[--last]!, i);
    apexes[++last] = i;
    bounds[last] = crossing;
    bounds[last + 1] = Infinity;
  }
  last = 0;
  for (let i = 0; i < length; i++) {
    while (bounds[last + 1]! < i) last++;
    const apex = apexes[last]!;
    squared[offset + i * step] = (i - apex) ** 2 + line[apex]!;
  }
}

/** Where the parabolas on two elements meet. */
function meet(line: Float64Array, a: number, b: number): number {
  return (line[b]! + b * b - line[a]! - a * a) / (2 * (b - a));
}

/** What hangs together in a mask. */
export interface Component {
  /** Its number in `labels`, from 1. */
  readonly label: number;
  /** In pixels. */
  readonly area: number;
  /** Sum of the plane over it. */
  readonly mass: number;
  /** The smallest rectangle around it. */
  readonly box: Box;
}

/**
 * Finds what hangs together by sides or corners.
 *
 * @param inside The mask: above 0.
 * @param plane What is added up over each component.
 * @returns For each pixel its component's number, 0 outside; and the components by number.
 */
export function findComponents(
  inside: Uint8Array,
  { width, height, data }: Plane,
): { labels: Int32Array; components: Component[] } {
  const labels = new Int32Array(width * height);
  const stack = new Int32Array(width * height);
  const components: Component[] = [];
  for (let seed = 0; seed < labels.length; seed++) {
    if (inside[seed] === 0 || labels[seed] !== 0) continue;
    const label = components.length + 1;
    let [left, top, right, bottom, area, mass] = [width, height, 0, 0, 0, 0];
    let depth = 0;
    stack[depth++] = seed;
    labels[seed] = label;
    while (depth > 0) {
      const at = stack[--depth]!;
      const x = at % width;
      const y = (at - x) / width;
      area++;
      mass += data[at]!;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const next = v * width + u;
          if (inside[next] === 0 || labels[next] !== 0) continue;
          labels[next] = label;
          stack[depth++] = next;
        }
      }
    }
    components.push({
      label,
      area,
      mass,
      box: { left, top, width: right - left + 1, height: bottom - top + 1 },
    });
  }
  return { labels, components };
}

/**
 * @param plane Any plane.
 * @returns The smallest rectangle around what is above 0; undefined where nothing is.
 */
export function boxOf({ width, height, data }: Plane): Box | undefined {
  let [left, top, right, bottom] = [width, height, 0, 0];
  data.forEach((value, i) => {
    if (value <= 0) return;
    const x = i % width;
    const y = (i - x) / width;
    [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
  });
  return right === 0 ? undefined : { left, top, width: right - left, height: bottom - top };
}

/**
 * Sharpens: adds to each pixel a share of its difference from the mean of its four neighbours.
 *
 * @param plane Any plane.
 * @param share Of the difference.
 * @returns The plane, sharper.
 */
export function sharpen({ width, height, data }: Plane, share: number): Plane {
  const sharp = data.map((value, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const across = data[x > 0 ? i - 1 : i]! + data[x < width - 1 ? i + 1 : i]!;
    const down = data[y > 0 ? i - width : i]! + data[y < height - 1 ? i + width : i]!;
    return value + share * (value - (across + down) / 4);
  });
  return { width, height, data: sharp };
}

/**
 * @param planes One for grey or three for red, green and blue; below 0 is black and above 1 is white.
 * @returns The same as pixels.
 */
export function toPixels(planes: readonly [Plane] | readonly [Plane, Plane, Plane]): Pixels {
  const { width, height } = planes[0];
  const channels = planes.length;
  const data = new Uint8Array(width * height * channels);
  planes.forEach((plane, c) =>
    plane.data.forEach((value, i) =>
      data[i * channels + c] = Math.round(255 * Math.min(1, Math.max(0, value)))
    )
  );
  return { width, height, channels, data };
}

/** How far samples of a grey pixel may lie apart, of 255: lossy WebP rounds each on its own. */
const GREY_TOLERANCE = 4;

/**
 * @param pixels Any image.
 * @returns Whether it is grey and opaque, in however many channels.
 */
export function isGrey({ channels, data }: Pixels): boolean {
  if (channels === 1) return true;
  for (let i = 0; i < data.length; i += channels) {
    const [red, green, blue] = [data[i]!, data[i + 1]!, data[i + 2]!];
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > GREY_TOLERANCE) return false;
    if (channels === 4 && data[i + 3] !== 255) return false;
  }
  return true;
}
