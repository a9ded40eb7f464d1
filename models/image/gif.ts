import { ImageError } from "../errors.ts";
import type { Encoding, ImageDecoder, Pixels } from "./format.ts";
import type { Budget } from "./limits.ts";

/** Codes of LZW have at most 12 bits. */
const MAX_CODES = 4096;

/** Where the rows of an interlaced image stand; GIF89a, appendix E. */
const PASSES = [[0, 8], [4, 8], [2, 4], [1, 2]] as const;

/** GIF87a and GIF89a: the first image, on its screen; what it leaves free is transparent. */
export const gif: ImageDecoder = {
  open(bytes, budget) {
    const frame = readFirstFrame(bytes, budget);
    const { width, height } = frame;
    const decodedBytes = bytes.length + width * height * 4 + frame.columns * frame.rows;
    return {
      width,
      height,
      decodedBytes,
      describe: () => describe(frame),
      decode: () => decode(bytes, frame, budget),
    };
  },
};

function describe({ palette, transparent, interlaced }: Frame): Encoding {
  const bits = palette.length === 0 ? 8 : Math.log2(palette.length / 3);
  const colours = "palette" + (transparent >= 0 ? " with transparency" : "") +
    (interlaced ? ", interlaced" : "");
  return { bits, colours, orientation: 1 };
}

interface Frame {
  /** Of the screen, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Of the image on it. */
  readonly left: number;
  readonly top: number;
  readonly columns: number;
  readonly rows: number;
  readonly interlaced: boolean;
  /** Red, green, blue of each colour. */
  readonly palette: Uint8Array;
  /** The colour that is not drawn, or -1. */
  readonly transparent: number;
  /** Where the compressed pixels begin. */
  readonly start: number;
}

function readFirstFrame(bytes: Uint8Array, budget: Budget): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 13) throw damaged("it ends in its header");
  let [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  const screenPalette = paletteAt(bytes, 13, bytes[10]!);
  let transparent = -1;
  let at = 13 + screenPalette.length;
  for (let count = 1; at < bytes.length; count++) {
    budget.checkCount("chunks", count);
    const kind = bytes[at];
    if (kind === 0x21) {
      if (bytes[at + 1] === 0xf9 && (bytes[at + 3]! & 1) === 1) transparent = bytes[at + 6] ?? -1;
      at = skipBlocks(bytes, at + 2, budget);
    } else if (kind === 0x2c && at + 10 < bytes.length) {
      const [left, top] = [view.getUint16(at + 1, true), view.getUint16(at + 3, true)];
      const [columns, rows] = [view.getUint16(at + 5, true), view.getUint16(at + 7, true)];
      const flags = bytes[at + 9]!;
      const own = paletteAt(bytes, at + 10, flags);
      const palette = own.length > 0 ? own : screenPalette;
      if (columns === 0 || rows === 0) {
        throw damaged(`its image is declared with ${columns} × ${rows} pixels`);
      }
      // Browsers enlarge a screen that is too small for its first image, too.
      [width, height] = [Math.max(width, left + columns), Math.max(height, top + rows)];
      const interlaced = (flags & 0x40) !== 0;
      const start = at + 10 + own.length;
      return { width, height, left, top, columns, rows, interlaced, palette, transparent, start };
    } else if (kind === 0x3b) break;
    else at++;
  }
  throw damaged("it has no image");
}

function paletteAt(bytes: Uint8Array, at: number, flags: number): Uint8Array {
  const length = (flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1);
  if (at + length > bytes.length) throw damaged("it ends in a palette");
  return bytes.subarray(at, at + length);
}

/** Behind the block of length 0. */
function skipBlocks(bytes: Uint8Array, at: number, budget: Budget): number {
  for (let count = 1; at < bytes.length; count++) {
    const length = bytes[at]!;
    at += length + 1;
    if (length === 0) return at;
    if (count % 1024 === 0) budget.checkTime();
  }
  return at;
}

function decode(bytes: Uint8Array, frame: Frame, budget: Budget): Pixels {
  const { width, height, left, top, columns, rows, interlaced, palette, transparent } = frame;
  const colours = palette.length > 0
    ? palette
    : Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
  const indices = unpack(bytes, frame, budget);
  const isPartial = columns < width || rows < height;
  const channels = isPartial || transparent >= 0 ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  const order = interlaced ? interlacedRows(rows) : undefined;
  let from = 0;
  for (let i = 0; i < rows; i++) {
    if (i % 256 === 0) budget.checkTime();
    const row = order ? order[i]! : i;
    let to = ((top + row) * width + left) * channels;
    for (let x = 0; x < columns; x++, to += channels) {
      const index = indices[from++]!;
      data[to] = colours[3 * index] ?? 0;
      data[to + 1] = colours[3 * index + 1] ?? 0;
      data[to + 2] = colours[3 * index + 2] ?? 0;
      if (channels === 4) data[to + 3] = index === transparent ? 0 : 255;
    }
  }
  return { width, height, channels, data };
}

function interlacedRows(rows: number): Uint16Array {
  const order = new Uint16Array(rows);
  let i = 0;
  for (const [start, step] of PASSES) {
    for (let row = start; row < rows; row += step) order[i++] = row;
  }
  return order;
}

/** LZW with codes that grow from `first + 1` bits; GIF89a, appendix F. */
function unpack(bytes: Uint8Array, { start, columns, rows }: Frame, budget: Budget): Uint8Array {
  const pixels = new Uint8Array(columns * rows);
  const first = bytes[start] ?? 0;
  if (first < 1 || first > 11) throw damaged(`its codes begin with ${first} bits; expected 1 to 11`);
  const clear = 1 << first;
  const prefix = new Uint16Array(MAX_CODES);
  const suffix = new Uint8Array(MAX_CODES);
  const lengths = new Uint16Array(MAX_CODES).fill(1, 0, clear);
  for (let code = 0; code < clear; code++) suffix[code] = code;
  let [size, next, previous] = [first + 1, clear + 2, -1];
  let [bits, count, at, blockEnd] = [0, 0, start + 1, start + 1];
  let filled = 0;
  let codes = 0;
  while (filled < pixels.length) {
    while (count < size) {
      if (at === blockEnd) {
        const length = bytes[at] ?? 0;
        if (length === 0) throw damaged(`it ends after ${filled} of its ${pixels.length} pixels`);
        blockEnd = ++at + length;
      }
      bits |= (bytes[at++] ?? 0) << count;
      count += 8;
    }
    const code = bits & ((1 << size) - 1);
    bits >>>= size;
    count -= size;
    if (++codes % 65_536 === 0) budget.checkTime();
    if (code === clear) {
      [size, next, previous] = [first + 1, clear + 2, -1];
      continue;
    }
    if (code === clear + 1 || code > next || (code === next && previous < 0)) {
      throw damaged(`it ends after ${filled} of its ${pixels.length} pixels, at code ${code}`);
    }
    if (previous >= 0 && next < MAX_CODES) {
      prefix[next] = previous;
      lengths[next] = lengths[previous]! + 1;
      suffix[next] = firstOf(code === next ? previous : code, prefix, lengths, suffix);
      next++;
      if (next === 1 << size && size < 12) size++;
    } else if (code >= next) throw damaged(`it has the code ${code} before it is defined`);
    const length = lengths[code]!;
    let to = filled + length - 1;
    for (let one = code; to >= filled; one = prefix[one]!, to--) {
      if (to < pixels.length) pixels[to] = suffix[one]!;
    }
    filled += length;
    previous = code;
  }
  return pixels;
}

function firstOf(code: number, prefix: Uint16Array, lengths: Uint16Array, suffix: Uint8Array): number {
  for (let left = lengths[code]!; left > 1; left--) code = prefix[code]!;
  return suffix[code]!;
}

function damaged(reason: string): ImageError {
  return new ImageError("damaged", `The GIF is damaged: ${reason}`);
}
