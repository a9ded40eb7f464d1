import type { Budget } from "../limits.ts";
import type { Layout } from "./planes.ts";
import type { OpenPlane } from "./scans.ts";
import type { JpegState } from "./segments.ts";

/** What the components of a frame are. */
export type ColourSpace = "grey" | "YCbCr" | "RGB" | "YCCK" | "CMYK";

/** Gives one row of a component, as wide as the image. */
type RowSource = (y: number) => Uint8ClampedArray;

/**
 * Stretches the components to the size of the image and turns them into grey or RGB, exactly as libjpeg does (jdsample.c,
 * jdcolor.c); CMYK as Pillow does: the values count as inverted, as Photoshop writes them.
 *
 * @param layout Of the frame.
 * @param planes Its samples.
 * @param space What the components are; as `"components"` they stay as they are.
 * @param budget For its time.
 * @returns The pixels.
 */
export function toPixels(
  layout: Layout,
  planes: readonly OpenPlane[],
  space: ColourSpace | "components",
  budget: Budget,
) {
  const { width, height } = layout;
  const rows = planes.map((plane) => rowSource(plane, width));
  const channels = space === "components" ? planes.length : space === "grey" ? 1 : 3;
  const data = new Uint8ClampedArray(width * height * channels);
  const convert = CONVERSIONS[space];
  for (let y = 0; y < height; y++) {
    if (y % 16 === 0) budget.checkTime();
    convert(rows.map((row) => row(y)), data, y * width * channels, width);
  }
  return { width, height, channels, data: new Uint8Array(data.buffer) };
}

/**
 * Decides what the components are: by JFIF's and Adobe's segments and the names of the components (jdapimin.c).
 *
 * @param ids Names of the components.
 * @param state The segments.
 */
export function colourSpace(
  ids: readonly number[],
  { hasJfif, adobe }: Pick<JpegState, "hasJfif" | "adobe">,
): ColourSpace {
  if (ids.length === 1) return "grey";
  if (ids.length === 4) return adobe === undefined || adobe === 0 ? "CMYK" : "YCCK";
  if (hasJfif) return "YCbCr";
  if (adobe !== undefined) return adobe === 0 ? "RGB" : "YCbCr";
  return String.fromCharCode(...ids) === "RGB" ? "RGB" : "YCbCr";
}

/** "Fancy" (triangular) stretching by two, where there are enough samples; else each sample is repeated. */
function rowSource(plane: OpenPlane, width: number): RowSource {
  const { stepX, stepY, samples, stride } = plane;
  const rowAt = (y: number) => samples.subarray(y * stride, y * stride + plane.width);
  if (stepX === 1 && stepY === 1) return rowAt;
  const target = new Uint8ClampedArray(Math.max(width, plane.width * stepX));
  const fancy = plane.size > 1;
  if (fancy && stepX === 2 && stepY === 1 && plane.width > 2) {
    return (y) => stretchRow(rowAt(y), target);
  }
  if (fancy && stepY === 2 && (stepX === 1 || (stepX === 2 && plane.width > 2))) {
    const mixed = new Int32Array(plane.width);
    return (y) => {
      const near = y >> 1;
      const far = Math.min(plane.height - 1, Math.max(0, near + (y % 2 === 0 ? -1 : 1)));
      const [a, b] = [rowAt(near), rowAt(far)];
      for (let x = 0; x < mixed.length; x++) mixed[x] = 3 * a[x]! + b[x]!;
      return stepX === 1 ? quarter(mixed, 1 + y % 2, target) : stretchMixed(mixed, target);
    };
  }
  return (y) => {
    const row = rowAt(Math.floor(y / stepY));
    for (let x = 0; x < width; x++) target[x] = row[Math.floor(x / stepX)]!;
    return target;
  };
}

function quarter(mixed: Int32Array, rounding: number, target: Uint8ClampedArray): Uint8ClampedArray {
  for (let x = 0; x < mixed.length; x++) target[x] = (mixed[x]! + rounding) >> 2;
  return target;
}

function stretchRow(row: Uint8ClampedArray, target: Uint8ClampedArray): Uint8ClampedArray {
  const last = row.length - 1;
  target[0] = row[0]!;
  target[1] = (3 * row[0]! + row[1]! + 2) >> 2;
  for (let x = 1; x < last; x++) {
    const three = 3 * row[x]!;
    target[2 * x] = (three + row[x - 1]! + 1) >> 2;
    target[2 * x + 1] = (three + row[x + 1]! + 2) >> 2;
  }
  target[2 * last] = (3 * row[last]! + row[last - 1]! + 1) >> 2;
  target[2 * last + 1] = row[last]!;
  return target;
}

function stretchMixed(mixed: Int32Array, target: Uint8ClampedArray): Uint8ClampedArray {
  const last = mixed.length - 1;
  target[0] = (4 * mixed[0]! + 8) >> 4;
  target[1] = (3 * mixed[0]! + mixed[1]! + 7) >> 4;
  for (let x = 1; x < last; x++) {
    const three = 3 * mixed[x]!;
    target[2 * x] = (three + mixed[x - 1]! + 8) >> 4;
    target[2 * x + 1] = (three + mixed[x + 1]! + 7) >> 4;
  }
  target[2 * last] = (3 * mixed[last]! + mixed[last - 1]! + 8) >> 4;
  target[2 * last + 1] = (4 * mixed[last]! + 7) >> 4;
  return target;
}

/** ITU-R BT.601 with 16 bits of fraction, by the value of Cb or Cr. */
const RED = new Int32Array(256);
const BLUE = new Int32Array(256);
const GREEN_CB = new Int32Array(256);
const GREEN_CR = new Int32Array(256);
for (let value = 0; value < 256; value++) {
  RED[value] = (91_881 * (value - 128) + 32_768) >> 16;
  BLUE[value] = (116_130 * (value - 128) + 32_768) >> 16;
  GREEN_CB[value] = -22_554 * (value - 128) + 32_768;
  GREEN_CR[value] = -46_802 * (value - 128);
}

/** Converts one row of components. */
type Convert = (
  rows: readonly Uint8ClampedArray[],
  data: Uint8ClampedArray,
  to: number,
  width: number,
) => void;

const fromYcc: Convert = ([luma, blues, reds], data, to, width) => {
  for (let x = 0; x < width; x++, to += 3) {
    const [y, cb, cr] = [luma![x]!, blues![x]!, reds![x]!];
    data[to] = y + RED[cr]!;
    data[to + 1] = y + ((GREEN_CB[cb]! + GREEN_CR[cr]!) >> 16);
    data[to + 2] = y + BLUE[cb]!;
  }
};

const fromRgb: Convert = (rows, data, to, width) => {
  for (let x = 0; x < width; x++) {
    for (let c = 0; c < rows.length; c++) data[to++] = rows[c]![x]!;
  }
};

const fromCmyk: Convert = (rows, data, to, width) => {
  const black = rows[3]!;
  for (let x = 0; x < width; x++) {
    for (let c = 0; c < 3; c++) data[to++] = black[x]! - times255(255 - rows[c]![x]!, black[x]!);
  }
};

/** Pillow's product of two parts of 255. */
function times255(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

const CONVERSIONS: Readonly<Record<ColourSpace | "components", Convert>> = {
  components: fromRgb,
  grey: ([row], data, to, width) => data.set(row!.subarray(0, width), to),
  YCbCr: fromYcc,
  RGB: fromRgb,
  CMYK: fromCmyk,
  YCCK(rows, data, to, width) {
    fromYcc(rows, data, to, width);
    const black = rows[3]!;
    for (let x = 0; x < width; x++) {
      // YCC holds the complements of the inverted inks.
      for (let c = 0; c < 3; c++, to++) data[to] = black[x]! - times255(data[to]!, black[x]!);
    }
  },
};
