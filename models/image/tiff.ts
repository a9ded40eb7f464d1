import { plural } from "../../lib/plural.ts";
import type { Encoding, ImageDecoder, Pixels } from "./format.ts";
import { openJpeg } from "./jpeg.ts";
import type { Budget } from "./limits.ts";
import { orientationOf } from "./exif.ts";
import { upright } from "./orientation.ts";
import { copy, type Unpack, unpackBits, unpackDeflated, unpackLzw } from "./tiff/compression.ts";
import { damagedTiff, Directory, unsupportedTiff } from "./tiff/directory.ts";
import { unpackFax } from "./tiff/fax.ts";

/** Tags of TIFF 6.0. */
const TAG = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  rowsPerStrip: 278,
  stripBytes: 279,
  planar: 284,
  faxOptions: 292,
  predictor: 317,
  palette: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileBytes: 325,
  extraSamples: 338,
  sampleFormat: 339,
  jpegTables: 347,
} as const;

const JPEG = 7;
const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR] = [0, 1, 2, 3, 5, 6];

const UNPACK: ReadonlyMap<number, Unpack> = new Map([
  [1, copy],
  [5, unpackLzw],
  [8, unpackDeflated],
  [32946, unpackDeflated],
  [32773, unpackBits],
]);

/**
 * TIFF 6.0: the first page; grey, palette, RGB and CMYK of 1 to 16 bits, in strips or tiles, plain or packed by LZW, Deflate,
 * PackBits, JPEG or the codes of fax machines.
 *
 * It is our own since the libraries trust the file: utif2 4.1.0 allocates what its header declares and inflates without bound.
 */
export const tiff: ImageDecoder = {
  open(bytes, budget) {
    const page = readPage(new Directory(bytes, budget), bytes, budget);
    const { width, height, samples, chunkBytes } = page;
    const decodedBytes = bytes.length + 2 * chunkBytes + width * height * (samples + 4);
    return {
      width,
      height,
      decodedBytes,
      describe: () => describe(page),
      decode: () => decode(page, budget),
    };
  },
};

interface Page {
  readonly bytes: Uint8Array;
  readonly directory: Directory;
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  /** Per pixel. */
  readonly samples: number;
  readonly compression: number;
  readonly photometric: number;
  /** Whether each sample has strips of its own. */
  readonly planar: boolean;
  readonly isTiled: boolean;
  /** Of a strip or tile, in pixels. */
  readonly chunkWidth: number;
  readonly chunkHeight: number;
  /** Of the largest strip or tile, unpacked. */
  readonly chunkBytes: number;
  readonly offsets: readonly number[];
  readonly lengths: readonly number[];
}

function readPage(directory: Directory, bytes: Uint8Array, budget: Budget): Page {
  const [width, height] = [directory.number(TAG.width, 0), directory.number(TAG.height, 0)];
  if (width === 0 || height === 0) throw damagedTiff(`its directory declares ${width} × ${height} pixels`);
  budget.checkExtent(width, height);
  const samples = directory.number(TAG.samples, 1);
  const isTiled = directory.numbers(TAG.tileOffsets).length > 0;
  const chunkWidth = isTiled ? directory.number(TAG.tileWidth, 0) : width;
  const chunkHeight = isTiled
    ? directory.number(TAG.tileHeight, 0)
    : Math.min(height, directory.number(TAG.rowsPerStrip, height));
  if (chunkWidth === 0 || chunkHeight === 0) {
    throw damagedTiff(`its strips or tiles are of ${chunkWidth} × ${chunkHeight} pixels`);
  }
  const offsets = directory.numbers(isTiled ? TAG.tileOffsets : TAG.stripOffsets);
  const lengths = directory.numbers(isTiled ? TAG.tileBytes : TAG.stripBytes);
  budget.checkCount("chunks", offsets.length);
  const page = {
    bytes,
    directory,
    width,
    height,
    samples,
    bits: directory.number(TAG.bits, 1),
    compression: directory.number(TAG.compression, 1),
    photometric: directory.number(TAG.photometric, BLACK_IS_ZERO),
    planar: directory.number(TAG.planar, 1) === 2 && samples > 1,
    isTiled,
    chunkWidth,
    chunkHeight,
    chunkBytes: 0,
    offsets,
    // Old writers leave them out where there is one strip.
    lengths: lengths.length > 0 ? lengths : [bytes.length - (offsets[0] ?? 0)],
  };
  checkKind(page);
  const chunks = Math.ceil(width / chunkWidth) * Math.ceil(height / chunkHeight) *
    (page.planar ? samples : 1);
  if (offsets.length < chunks || page.lengths.length < chunks) {
    throw damagedTiff(`it has ${offsets.length} of ${chunks} strips or tiles`);
  }
  return { ...page, chunkBytes: rowBytes(page) * chunkHeight };
}

/** Samples per pixel that the colour space needs. */
const COLOURS: ReadonlyMap<number, number> = new Map([
  [WHITE_IS_ZERO, 1],
  [BLACK_IS_ZERO, 1],
  [RGB, 3],
  [PALETTE, 1],
  [CMYK, 4],
  [YCBCR, 3],
]);

const COLOUR_NAMES = ["grey", "grey", "RGB", "palette", "", "CMYK", "YCbCr"];

function describe(page: Page): Encoding {
  const { bits, photometric, samples, directory } = page;
  const hasAlpha = samples > COLOURS.get(photometric)! && directory.number(TAG.extraSamples, 0) > 0;
  const colours = COLOUR_NAMES[photometric]! + (hasAlpha ? " with alpha" : "");
  return { bits, colours, orientation: orientationOf(directory.number(TAG.orientation, 1)) };
}

function checkKind({ directory, bits, samples, compression, photometric, planar }: Page): void {
  const format = directory.number(TAG.sampleFormat, 1);
  const colours = COLOURS.get(photometric);
  const allBits = directory.numbers(TAG.bits);
  const isFax = compression >= 2 && compression <= 4;
  if (colours === undefined || (photometric === YCBCR && compression !== JPEG)) {
    throw unsupportedTiff(`colour space ${photometric}; expected grey, palette, RGB, CMYK, or YCbCr as JPEG`);
  }
  if (format !== 1 && format !== 4) throw unsupportedTiff(`sample format ${format}; expected whole numbers`);
  if (![1, 2, 4, 8, 16].includes(bits) || allBits.some((other) => other !== bits)) {
    throw unsupportedTiff(
      `samples of ${allBits.slice(0, 8).join(", ")} bits; expected 1, 2, 4, 8 or 16 for all`,
    );
  }
  if (!UNPACK.has(compression) && compression !== JPEG && !isFax) {
    throw unsupportedTiff(`compression ${compression}; expected none, LZW, Deflate, PackBits, JPEG or fax`);
  }
  if (samples < colours || samples > 16 || (photometric === PALETTE && bits > 8)) {
    throw damagedTiff(`it has ${samplesOf(samples, bits)} in colour space ${photometric}`);
  }
  if ((isFax && (bits !== 1 || samples !== 1)) || (compression === JPEG && (bits !== 8 || planar))) {
    throw unsupportedTiff(`compression ${compression} of ${samplesOf(samples, bits)}`);
  }
  const predictor = predictorOf(directory, compression);
  if (predictor > 2 || (predictor === 2 && bits < 8)) {
    throw unsupportedTiff(
      `predictor ${predictor} of ${plural(bits, "bit")}; expected 1, or 2 of 8 or 16 bits`,
    );
  }
}

/** LZW and Deflate alone have one (TIFF 6.0, section 14); libtiff does not look at the field otherwise. */
function predictorOf(directory: Directory, compression: number): number {
  return [5, 8, 32946].includes(compression) ? directory.number(TAG.predictor, 1) : 1;
}

function samplesOf(samples: number, bits: number): string {
  return `${plural(samples, "sample")} of ${plural(bits, "bit")} per pixel`;
}

/** Of one row of a strip or tile, unpacked. */
function rowBytes({ chunkWidth, bits, samples, planar }: Omit<Page, "chunkBytes">): number {
  return Math.ceil(chunkWidth * bits * (planar ? 1 : samples) / 8);
}

function decode(page: Page, budget: Budget): Pixels {
  const { width, height, samples, planar, directory } = page;
  const raw = new Uint8Array(width * height * samples);
  for (let plane = 0, chunk = 0; plane < (planar ? samples : 1); plane++) {
    for (let top = 0; top < height; top += page.chunkHeight) {
      for (let left = 0; left < width; left += page.chunkWidth, chunk++) {
        budget.checkTime();
        const [start, length] = [page.offsets[chunk]!, page.lengths[chunk]!];
        const packed = page.bytes.subarray(start, start + length);
        if (page.compression === JPEG) copyJpeg(page, packed, raw, left, top, budget);
        else copyChunk(page, unpackChunk(page, packed, top), raw, left, top, plane);
      }
    }
  }
  return upright(toPixels(page, raw), orientationOf(directory.number(TAG.orientation, 1)));
}

function unpackChunk(page: Page, packed: Uint8Array, top: number): Uint8Array {
  const { directory, compression, isTiled, chunkWidth, chunkHeight } = page;
  // The last strip has only the rows that are left; tiles are always whole.
  const rows = isTiled ? chunkHeight : Math.min(chunkHeight, page.height - top);
  const target = new Uint8Array(rowBytes(page) * rows);
  const input = directory.number(TAG.fillOrder, 1) === 2 ? packed.map(reversed) : packed;
  if (compression >= 2 && compression <= 4) {
    const twoDimensions = (directory.number(TAG.faxOptions, 0) & 1) === 1;
    unpackFax(input, target, { compression: compression as 2 | 3 | 4, twoDimensions, width: chunkWidth });
  } else UNPACK.get(compression)!(input, target, rowBytes(page) * chunkHeight);
  if (predictorOf(directory, compression) === 2) undoPredictor(page, target);
  return target;
}

function reversed(byte: number): number {
  let result = 0;
  for (let i = 0; i < 8; i++) result |= ((byte >> i) & 1) << (7 - i);
  return result;
}

/** Each sample is the difference to that of the pixel to the left; TIFF 6.0, section 14. */
function undoPredictor(page: Page, chunk: Uint8Array): void {
  const { bits, samples, planar, directory: { little } } = page;
  const step = planar ? 1 : samples;
  const stride = rowBytes(page);
  for (let row = 0; row < chunk.length; row += stride) {
    if (bits === 8) { for (let i = row + step; i < row + stride; i++) chunk[i]! += chunk[i - step]!; }
    else {
      const [low, high] = little ? [0, 1] : [1, 0];
      for (let i = row + 2 * step; i < row + stride; i += 2) {
        const [own, left] = [chunk[i + low]! | chunk[i + high]! << 8, i - 2 * step];
        const sum = own + (chunk[left + low]! | chunk[left + high]! << 8);
        chunk[i + low] = sum;
        chunk[i + high] = sum >> 8;
      }
    }
  }
}

/** Copies the part of a strip or tile that belongs to the image, with 8 bits per sample; palette indices stay as they are. */
function copyChunk(
  page: Page,
  chunk: Uint8Array,
  raw: Uint8Array,
  left: number,
  top: number,
  plane: number,
): void {
  const { width, height, samples, bits, planar, photometric, chunkWidth, directory: { little } } = page;
  const step = planar ? 1 : samples;
  const stride = rowBytes(page);
  const columns = Math.min(chunkWidth, width - left);
  const rows = Math.min(Math.floor(chunk.length / stride), height - top);
  const scale = photometric === PALETTE ? 1 : 255 / (2 ** bits - 1);
  for (let y = 0; y < rows; y++) {
    const row = y * stride;
    let to = ((top + y) * width + left) * samples + plane;
    if (bits === 8 && !planar) {
      raw.set(chunk.subarray(row, row + columns * samples), to);
      continue;
    }
    for (let i = 0; i < columns * step; i++, to += planar ? samples : 1) {
      if (bits === 8) raw[to] = chunk[row + i]!;
      else if (bits === 16) {
        const [first, second] = [chunk[row + 2 * i]!, chunk[row + 2 * i + 1]!];
        raw[to] = Math.round((little ? first | second << 8 : first << 8 | second) / 257);
      } else {
        const bit = i * bits;
        raw[to] = ((chunk[row + (bit >> 3)]! >> (8 - bits - (bit & 7))) & (2 ** bits - 1)) * scale;
      }
    }
  }
}

/** A strip or tile that is a JPEG, whose tables stand in the directory and whose colours the directory declares. */
function copyJpeg(
  page: Page,
  packed: Uint8Array,
  raw: Uint8Array,
  left: number,
  top: number,
  outer: Budget,
): void {
  const { width, height, samples, photometric, directory } = page;
  const tables = directory.bytes(TAG.jpegTables);
  // Adobe's segment declares the colours of three components; a JFIF segment in the strip comes before it.
  const colours = photometric === YCBCR ? 1 : 0;
  const adobe = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, colours];
  const file = Uint8Array.of(0xff, 0xd8, ...adobe, ...tables.subarray(2, -2));
  const whole = new Uint8Array(file.length + packed.length - 2);
  whole.set(file);
  whole.set(packed.subarray(2), file.length);
  const budget = outer.inner("JPEG in the TIFF", { reduceAbovePixels: Infinity });
  const image = openJpeg(whole, budget);
  if (image.width > page.chunkWidth || image.height > page.chunkHeight) {
    throw damagedTiff(
      `a strip or tile of ${page.chunkWidth} × ${page.chunkHeight} pixels is a JPEG of ${image.width} × ${image.height}`,
    );
  }
  const components = image.header.frame.components.length;
  if (components !== samples || (photometric === YCBCR && samples !== 3)) {
    throw damagedTiff(
      `a strip or tile is a JPEG with ${plural(components, "channel")} instead of ${samples}`,
    );
  }
  budget.checkMemory(image.decodedBytes);
  const { data, channels, ...part } = image.decode(components === 3 ? image.header.colours : "components");
  const columns = Math.min(part.width, width - left);
  for (let y = 0; y < Math.min(part.height, height - top); y++) {
    const row = data.subarray(y * part.width * channels, (y * part.width + columns) * channels);
    raw.set(row, ((top + y) * width + left) * channels);
  }
}

function toPixels(page: Page, raw: Uint8Array): Pixels {
  const { width, height, samples, photometric, directory } = page;
  const colours = COLOURS.get(photometric)!;
  const extra = samples > colours ? directory.number(TAG.extraSamples, 0) : 0;
  const [hasAlpha, isPremultiplied] = [extra === 1 || extra === 2, extra === 1];
  const isGrey = photometric === WHITE_IS_ZERO || photometric === BLACK_IS_ZERO;
  const channels = hasAlpha ? 4 : isGrey ? 1 : 3;
  if (channels === samples && photometric !== WHITE_IS_ZERO && photometric !== CMYK && !isPremultiplied) {
    return { width, height, channels, data: raw };
  }
  const toColour = colourReader(page, raw);
  const data = new Uint8Array(width * height * channels);
  for (let i = 0, at = 0, to = 0; i < width * height; i++, at += samples, to += channels) {
    for (let c = 0; c < Math.min(3, channels); c++) data[to + c] = toColour(at, c);
    if (!hasAlpha) continue;
    const alpha = raw[at + colours]!;
    data[to + 3] = alpha;
    if (!isPremultiplied || alpha === 0) continue;
    for (let c = 0; c < 3; c++) data[to + c] = Math.min(255, Math.round(data[to + c]! * 255 / alpha));
  }
  return { width, height, channels, data };
}

/** Gives red, green or blue of the pixel whose samples begin at an index. */
function colourReader(
  { photometric, directory, bits }: Page,
  raw: Uint8Array,
): (at: number, c: number) => number {
  if (photometric === WHITE_IS_ZERO) return (at) => 255 - raw[at]!;
  if (photometric === BLACK_IS_ZERO) return (at) => raw[at]!;
  if (photometric === CMYK) {
    return (at, c) => Math.round((255 - raw[at + c]!) * (255 - raw[at + 3]!) / 255);
  }
  if (photometric !== PALETTE) return (at, c) => raw[at + c]!;
  const palette = directory.numbers(TAG.palette);
  const colours = 1 << bits;
  if (palette.length < 3 * colours) {
    throw damagedTiff(`its palette has ${palette.length} of ${3 * colours} numbers`);
  }
  return (at, c) => palette[c * colours + raw[at]!]! >> 8;
}
