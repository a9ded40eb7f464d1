/**
 * The bitmap that BMP and ICO have in common (BITMAPCOREHEADER to BITMAPV5HEADER).
 *
 * @module
 */
import { plural } from "../../lib/plural.ts";
import { ImageError } from "../errors.ts";
import type { Encoding, OpenImage, Pixels } from "./format.ts";
import type { Budget } from "./limits.ts";

const NONE = 0;
const RLE8 = 1;
const RLE4 = 2;
const BIT_FIELDS = 3;
const ALPHA_BIT_FIELDS = 6;

/** The fields of the header. */
interface Dib {
  readonly format: string;
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly fromTop: boolean;
  /** Per pixel. */
  readonly bits: number;
  readonly compression: number;
  /** Blue, green, red of each colour, and a fourth byte if `entry` is 4. */
  readonly palette: Uint8Array;
  readonly entry: 3 | 4;
  /** Red, green, blue and alpha, for 16 and 32 bits. */
  readonly masks: readonly number[];
  /** Where the pixels begin. */
  readonly start: number;
  /** Whether a mask of transparent pixels follows. */
  readonly hasMask: boolean;
}

/**
 * Reads the header of a bitmap.
 *
 * @param format Name for the errors.
 * @param bytes From the header of the bitmap.
 * @param pixels Where the pixels begin; `undefined` behind the palette, in an icon: half of the height is then a mask.
 * @param budget The bounds.
 * @returns The opened image.
 * @throws {ImageError} `damaged`, `unsupported`
 */
export function openDib(
  format: string,
  bytes: Uint8Array,
  pixels: number | undefined,
  budget: Budget,
): OpenImage {
  const dib = readHeader(format, bytes, pixels);
  const { width, height } = dib;
  const decodedBytes = bytes.length + width * height * 5;
  return { width, height, decodedBytes, describe: () => describe(dib), decode: () => decode(dib, budget) };
}

function describe({ bits, masks, compression, hasMask }: Dib): Encoding {
  const [depth, colours] = bits <= 8
    ? [bits, "palette"]
    : bits === 24
    ? [8, "RGB"]
    : [Math.max(...masks.map((mask) => Math.ceil(Math.log2(fieldOf(mask).max + 1)))), "RGB"];
  const hasAlpha = hasMask || (bits !== 24 && masks[3] !== 0);
  const runs = compression === RLE8 || compression === RLE4 ? ", run lengths" : "";
  return { bits: depth, colours: colours + (hasAlpha ? " with alpha" : "") + runs, orientation: 1 };
}

function readHeader(format: string, bytes: Uint8Array, pixels: number | undefined): Dib {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (reason: string) => new ImageError("damaged", `The ${format} is damaged: ${reason}`);
  if (bytes.length < 12) throw fail("it ends in its header");
  const size = view.getUint32(0, true);
  const isCore = size === 12;
  if ((!isCore && size < 16) || size > bytes.length) {
    throw fail(`its header has ${plural(size, "byte")}; ${bytes.length} are left`);
  }
  const width = isCore ? view.getUint16(4, true) : view.getInt32(4, true);
  const stored = isCore ? view.getInt16(6, true) : view.getInt32(8, true);
  const bits = view.getUint16(isCore ? 10 : 14, true);
  const field = (at: number) => at + 4 <= size ? view.getUint32(at, true) : 0;
  const compression = isCore ? NONE : field(16);
  const hasMask = pixels === undefined;
  const height = hasMask ? Math.abs(stored) >> 1 : Math.abs(stored);
  if (width <= 0 || height === 0) throw fail(`its header declares ${width} × ${stored} pixels`);
  checkKind(format, bits, compression);
  const masks = readMasks(view, size, bits, compression, hasMask);
  const outside = (compression === BIT_FIELDS || compression === ALPHA_BIT_FIELDS) && size === 40;
  const paletteStart = size + (outside ? (compression === BIT_FIELDS ? 12 : 16) : 0);
  const entry = isCore ? 3 : 4;
  const colours = bits > 8 ? 0 : Math.min(field(32) || 1 << bits, 1 << bits);
  const paletteEnd = Math.min(bytes.length, paletteStart + colours * entry, pixels ?? Infinity);
  const palette = bytes.subarray(paletteStart, Math.max(paletteStart, paletteEnd));
  const start = pixels ?? paletteEnd;
  const fromTop = stored < 0;
  return { format, bytes, width, height, fromTop, bits, compression, palette, entry, masks, start, hasMask };
}

function checkKind(format: string, bits: number, compression: number): void {
  const isPlain = compression === NONE && [1, 2, 4, 8, 16, 24, 32].includes(bits);
  const hasFields = (compression === BIT_FIELDS || compression === ALPHA_BIT_FIELDS) &&
    (bits === 16 || bits === 32);
  const hasRuns = (compression === RLE8 && bits === 8) || (compression === RLE4 && bits === 4);
  if (isPlain || hasFields || hasRuns) return;
  throw new ImageError(
    "unsupported",
    `This ${format} is not supported: ${
      plural(bits, "bit")
    } per pixel with compression ${compression}; expected 1 to 32 bits, plain, run lengths or bit fields`,
  );
}

function readMasks(
  view: DataView,
  size: number,
  bits: number,
  compression: number,
  inIcon: boolean,
): number[] {
  if (compression === NONE) {
    return bits === 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0xff0000, 0xff00, 0xff, inIcon ? 0xff000000 : 0];
  }
  const hasAlpha = size >= 56 || compression === ALPHA_BIT_FIELDS;
  const read = (at: number) => at + 4 <= view.byteLength ? view.getUint32(at, true) : 0;
  return [read(40), read(44), read(48), hasAlpha ? read(52) : 0];
}

function decode(dib: Dib, budget: Budget): Pixels {
  const { bits, compression } = dib;
  if (bits === 16 || bits === 32) return fromFields(dib, budget);
  if (bits === 24) return fromBytes(dib, budget);
  return withMask(dib, compression === NONE ? unpackIndices(dib) : unpackRuns(dib, budget));
}

/** Bytes per row, which is padded to 4. */
function strideOf({ width }: Dib, bits: number): number {
  return Math.ceil(width * bits / 32) * 4;
}

function checkLength(dib: Dib): number {
  const stride = strideOf(dib, dib.bits);
  const length = stride * (dib.height - 1) + Math.ceil(dib.width * dib.bits / 8);
  if (dib.start < 0) throw damaged(dib, "its pixels begin before its header ends");
  const left = Math.max(0, dib.bytes.length - dib.start);
  if (length > left) throw damaged(dib, `its pixels take ${plural(length, "byte")}; ${left} are left`);
  return stride;
}

/** Calls with the row of the image and where it is stored. */
function eachRow(dib: Dib, budget: Budget, row: (y: number, at: number) => void): void {
  const stride = checkLength(dib);
  for (let i = 0; i < dib.height; i++) {
    if (i % 256 === 0) budget.checkTime();
    row(dib.fromTop ? i : dib.height - 1 - i, dib.start + i * stride);
  }
}

function fromBytes(dib: Dib, budget: Budget): Pixels {
  const { width, height, bytes } = dib;
  const data = new Uint8Array(3 * width * height);
  eachRow(dib, budget, (y, at) => {
    for (let to = 3 * y * width, end = to + 3 * width; to < end; to += 3, at += 3) {
      data[to] = bytes[at + 2]!;
      data[to + 1] = bytes[at + 1]!;
      data[to + 2] = bytes[at]!;
    }
  });
  const pixels = { width, height, channels: 3 as const, data };
  return dib.hasMask ? masked(dib, pixels) : pixels;
}

function fromFields(dib: Dib, budget: Budget): Pixels {
  const { width, height, bytes, bits, masks, hasMask } = dib;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channels = masks[3] === 0 ? 3 : 4;
  const fields = masks.slice(0, channels).map(fieldOf);
  const data = new Uint8Array(channels * width * height);
  let anyAlpha = 0;
  eachRow(dib, budget, (y, at) => {
    let to = channels * y * width;
    for (let x = 0; x < width; x++, at += bits / 8) {
      const value = bits === 16 ? view.getUint16(at, true) : view.getUint32(at, true);
      for (const { shift, max } of fields) {
        data[to++] = max === 0 ? 0 : Math.floor(((value >>> shift) & max) * 255 / max);
      }
      if (channels === 4) anyAlpha |= data[to - 1]!;
    }
  });
  const pixels = { width, height, channels, data } as const;
  // An icon of 32 bits whose alpha is all zero means its mask; a bitmap was written by a program that knows no alpha.
  if (hasMask && (channels === 3 || anyAlpha === 0)) return masked(dib, { ...pixels });
  if (channels === 4 && anyAlpha === 0) { for (let i = 3; i < data.length; i += 4) data[i] = 255; }
  return pixels;
}

function fieldOf(mask: number): { shift: number; max: number } {
  if (mask === 0) return { shift: 0, max: 0 };
  const shift = 31 - Math.clz32(mask & -mask);
  return { shift, max: mask >>> shift };
}

function unpackIndices(dib: Dib): Uint8Array {
  const { width, height, bytes, bits, start, fromTop } = dib;
  const stride = checkLength(dib);
  const indices = new Uint8Array(width * height);
  for (let i = 0; i < height; i++) {
    const to = (fromTop ? i : height - 1 - i) * width;
    for (let x = 0; x < width; x++) indices[to + x] = bitsAt(bytes, start + i * stride, x, bits);
  }
  return indices;
}

function bitsAt(bytes: Uint8Array, row: number, x: number, bits: number): number {
  const bit = x * bits;
  return (bytes[row + (bit >> 3)]! >> (8 - bits - (bit & 7))) & ((1 << bits) - 1);
}

/** Run lengths; what they skip has the first colour. */
function unpackRuns(dib: Dib, budget: Budget): Uint8Array {
  const { width, height, bytes, bits, fromTop } = dib;
  const indices = new Uint8Array(width * height);
  let [x, y, at, steps] = [0, 0, dib.start, 0];
  const put = (index: number) => {
    if (x < width && y < height) indices[(fromTop ? y : height - 1 - y) * width + x] = index;
    x++;
  };
  if (dib.start < 0) throw damaged(dib, "its pixels begin before its header ends");
  const nibble = (value: number, i: number) => bits === 8 ? value : i % 2 === 0 ? value >> 4 : value & 15;
  while (y < height) {
    if (++steps % 16_384 === 0) budget.checkTime();
    if (at + 2 > bytes.length) throw damaged(dib, `it ends after row ${y} of its ${height} rows`);
    const [count, value] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    if (count > 0) {
      for (let i = 0; i < count; i++) put(nibble(value, i));
    } else if (value === 0) [x, y] = [0, y + 1];
    else if (value === 1) break;
    else if (value === 2) [x, y, at] = [x + (bytes[at] ?? 0), y + (bytes[at + 1] ?? 0), at + 2];
    else {
      for (let i = 0; i < value; i++) put(nibble(bytes[at + (i * bits >> 3)] ?? 0, i));
      at += 2 * Math.ceil(value * bits / 16);
    }
  }
  return indices;
}

function withMask(dib: Dib, indices: Uint8Array): Pixels {
  const { width, height, palette, entry } = dib;
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < indices.length; i++) {
    const colour = indices[i]! * entry;
    data[3 * i] = palette[colour + 2] ?? 0;
    data[3 * i + 1] = palette[colour + 1] ?? 0;
    data[3 * i + 2] = palette[colour] ?? 0;
  }
  const pixels = { width, height, channels: 3 as const, data };
  return dib.hasMask ? masked(dib, pixels) : pixels;
}

/** One bit per pixel behind the colours of an icon: 1 is transparent. */
function masked(dib: Dib, { width, height, channels, data }: Pixels): Pixels {
  const stride = strideOf(dib, 1);
  const start = dib.start + height * strideOf(dib, dib.bits);
  const rgba = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    const row = start + (dib.fromTop ? y : height - 1 - y) * stride;
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      for (let c = 0; c < 3; c++) rgba[4 * i + c] = data[channels * i + c]!;
      const isHidden = row + stride <= dib.bytes.length && bitsAt(dib.bytes, row, x, 1) === 1;
      rgba[4 * i + 3] = isHidden ? 0 : 255;
    }
  }
  return { width, height, channels: 4, data: rgba };
}

function damaged({ format }: Dib, reason: string): ImageError {
  return new ImageError("damaged", `The ${format} is damaged: ${reason}`);
}
