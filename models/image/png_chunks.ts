import { crc32 } from "node:zlib";
import { ImageError } from "../errors.ts";
import { readExifOrientation } from "./exif.ts";
import type { Encoding, Orientation } from "./format.ts";
import type { Budget } from "./limits.ts";
import { readTextOrientation } from "./png_text.ts";

/** How the pixels of a PNG are laid out; PNG specification (third edition), 11.2.1. */
export interface PngHeader {
  /** In pixels, at least 1. */
  readonly width: number;
  /** In pixels, at least 1. */
  readonly height: number;
  /** Bits a sample: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. */
  readonly colourType: number;
  /** Samples per pixel. */
  readonly samples: number;
  /** Whether the rows come in the seven passes of Adam7. */
  readonly interlaced: boolean;
}

/** The parts of a PNG file that its pixels depend on. */
export interface PngChunks {
  /** As {@linkcode readPngHeader} gives it. */
  readonly header: PngHeader;
  /** Red, green, blue of each colour; empty without a palette. */
  readonly palette: Uint8Array;
  /** Alpha of each colour of the palette, or the one transparent colour with 16 bits a sample; empty if all is opaque. */
  readonly transparency: Uint8Array;
  /** The deflated rows, to be put together. */
  readonly compressed: readonly Uint8Array[];
  /** From the EXIF data, else 1. */
  readonly orientation: Orientation;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

const COLOUR_TYPES: ReadonlyMap<number, { samples: number; depths: readonly number[] }> = new Map([
  [0, { samples: 1, depths: [1, 2, 4, 8, 16] }],
  [2, { samples: 3, depths: [8, 16] }],
  [3, { samples: 1, depths: [1, 2, 4, 8] }],
  [4, { samples: 2, depths: [8, 16] }],
  [6, { samples: 4, depths: [8, 16] }],
]);

const IHDR = 0x49484452;
const PLTE = 0x504c5445;
const TRNS = 0x74524e53;
const IDAT = 0x49444154;
const EXIF = 0x65584966;
const TEXT = 0x74455874;
const ZTXT = 0x7a545874;
const IEND = 0x49454e44;

/**
 * Recognises a PNG.
 *
 * @param bytes Any bytes.
 * @returns Whether they begin as a PNG does.
 */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads the header alone.
 *
 * @param bytes A file that begins as a PNG.
 * @returns Its header, with values that fit each other.
 * @throws {ImageError} `damaged`
 */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 33 || view.getUint32(8) !== 13 || view.getUint32(12) !== IHDR) {
    throw damagedPng("it does not begin with a complete header (IHDR)");
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colourType, interlace] = [view.getUint8(24), view.getUint8(25), view.getUint8(28)];
  const type = COLOUR_TYPES.get(colourType);
  if (width === 0 || height === 0) throw damagedPng(`its header declares ${width} × ${height} pixels`);
  if (type === undefined || !type.depths.includes(depth) || interlace > 1) {
    throw damagedPng(
      `its header declares colour type ${colourType}, bit depth ${depth}, interlace method ${interlace}`,
    );
  }
  return { width, height, depth, colourType, samples: type.samples, interlaced: interlace === 1 };
}

/**
 * Goes through the chunks up to the end of the image and checks the checksums of those that matter.
 *
 * @param bytes A file that begins as a PNG.
 * @param header As {@linkcode readPngHeader} gives it.
 * @param budget For the number of chunks.
 * @returns Views of the chunks.
 * @throws {ImageError} `damaged`, `over_limit`
 */
export function readPngChunks(bytes: Uint8Array, header: PngHeader, budget: Budget): PngChunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const compressed: Uint8Array[] = [];
  let palette: Uint8Array = new Uint8Array();
  let transparency: Uint8Array = new Uint8Array();
  let exif: Orientation | undefined;
  let text: Orientation | undefined;
  let offset = SIGNATURE.byteLength;
  for (let count = 1; offset + 12 <= bytes.byteLength; count++) {
    budget.checkCount("chunks", count);
    const length = view.getUint32(offset);
    const type = view.getUint32(offset + 4);
    const end = offset + 8 + length;
    if (type === IEND) return { header, palette, transparency, compressed, orientation: exif ?? text ?? 1 };
    if (end + 4 > bytes.byteLength) break;
    if (type === IHDR || type === PLTE || type === TRNS || type === IDAT) {
      if (crc32(bytes.subarray(offset + 4, end)) !== view.getUint32(end)) {
        throw damagedPng(`the checksum of the chunk at byte ${offset} is wrong`);
      }
      const content = bytes.subarray(offset + 8, end);
      if (type === IDAT) compressed.push(content);
      if (type === PLTE) palette = content;
      if (type === TRNS) transparency = content;
    }
    if (type === EXIF) exif = readExifOrientation(bytes.subarray(offset + 8, end));
    if (type === TEXT || type === ZTXT) {
      text ??= readTextOrientation(bytes.subarray(offset + 8, end), type === ZTXT);
    }
    offset = end + 4;
  }
  throw damagedPng(`it ends after ${bytes.byteLength} bytes, before its end chunk (IEND)`);
}

const COLOURS: Readonly<Record<number, string>> = {
  0: "grey",
  2: "RGB",
  3: "palette",
  4: "grey with alpha",
  6: "RGB with alpha",
};

/**
 * @param chunks The parts of a file.
 * @returns How it stores its pixels.
 */
export function describePng({ header, transparency, orientation }: PngChunks): Encoding {
  const { depth, colourType, interlaced } = header;
  const isTransparent = transparency.length > 0 && colourType < 4;
  const colours = COLOURS[colourType]! + (isTransparent ? " with transparency" : "") +
    (interlaced ? ", interlaced" : "");
  return { bits: depth, colours, orientation };
}

/**
 * Makes the error for a broken file.
 *
 * @param reason What is wrong, as the second half of a sentence.
 * @returns The error to throw.
 */
export function damagedPng(reason: string): ImageError {
  return new ImageError("damaged", `The PNG is damaged: ${reason}`);
}
