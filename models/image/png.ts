import { messageOf } from "../../lib/coded_error.ts";
import { plural } from "../../lib/plural.ts";
import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";
import type { ImageDecoder, Pixels } from "./format.ts";
import type { Budget } from "./limits.ts";
import { upright } from "./orientation.ts";
import { damagedPng, describePng, readPngChunks, readPngHeader } from "./png_chunks.ts";
import type { PngChunks, PngHeader } from "./png_chunks.ts";
import { rowReader, unfilter } from "./png_rows.ts";

/** Rows and columns of one pass: where they begin, and how far they are apart. */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}

const WHOLE: readonly Pass[] = [{ x: 0, y: 0, dx: 1, dy: 1 }];

/** PNG specification (third edition), 8.1. */
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
];

/** Deflate can't shrink by more than this factor; zlib's technical details. */
const MAX_DEFLATE_RATIO = 1032;

/**
 * PNG: all colour types and depths, interlaced or not. 16 bits are reduced to 8; of an animation the first frame.
 *
 * It is our own since the libraries trust the file: pngjs 7.0.0 inflates an interlaced image without bound, and with one
 * of 1 × 50,000,000 pixels takes the process down; fast-png 8.0.0 bounds nothing. It is also twice as fast on small images.
 */
export const png: ImageDecoder = {
  open(bytes, budget) {
    const header = readPngHeader(bytes);
    const { width, height } = header;
    const decodedBytes = bytes.length + rawSize(header) + width * height * 4;
    return {
      width,
      height,
      decodedBytes,
      describe: () => describePng(readPngChunks(bytes, header, budget)),
      decode: () => decode(readPngChunks(bytes, header, budget), budget),
    };
  },
};

function decode(chunks: PngChunks, budget: Budget): Pixels {
  const { header } = chunks;
  const reader = rowReader(chunks);
  const { width, height } = header;
  // To turn an image takes it twice; the memory was estimated from the header, which is without the orientation.
  if (chunks.orientation > 1) budget.checkMemory(rawSize(header) + 2 * width * height * reader.channels);
  const raw = inflate(header, chunks.compressed);
  const data = new Uint8Array(width * height * reader.channels);
  const distance = Math.max(1, (header.samples * header.depth) >> 3);
  let offset = 0;
  for (const pass of passes(header)) {
    const { columns, rows, stride } = extentOf(pass, header);
    unfilter(raw, offset, rows, stride, distance);
    for (let row = 0; row < rows; row++) {
      if (row % 256 === 255) budget.checkTime();
      const at = ((pass.y + row * pass.dy) * width + pass.x) * reader.channels;
      reader.read(raw, offset + row * (stride + 1) + 1, columns, data, at, pass.dx * reader.channels);
    }
    offset += rows * (stride + 1);
  }
  return upright({ width, height, channels: reader.channels, data }, chunks.orientation);
}

/** Never takes more memory than the header declares, and less if the bytes cannot hold that much. */
function inflate(header: PngHeader, compressed: readonly Uint8Array[]): Uint8Array {
  const expected = rawSize(header);
  const length = compressed.reduce((sum, part) => sum + part.byteLength, 0);
  if (expected > length * MAX_DEFLATE_RATIO) {
    throw damagedPng(
      `its ${plural(length, "compressed byte")} cannot hold ${header.width} × ${header.height} pixels`,
    );
  }
  const deflated = compressed.length === 1 ? compressed[0]! : Buffer.concat(compressed);
  // One byte more, since a full chunk makes zlib ask for another.
  const raw = inflateBounded(deflated, expected, Math.max(64, expected + 1));
  if (raw.byteLength === expected) return raw;
  throw damagedPng(`its pixels have ${plural(raw.byteLength, "byte")}; its header declares ${expected}`);
}

function inflateBounded(deflated: Uint8Array, maxOutputLength: number, chunkSize: number): Uint8Array {
  try {
    return inflateSync(deflated, { maxOutputLength, chunkSize });
  } catch (error) {
    const tooMuch = error instanceof RangeError;
    throw damagedPng(
      tooMuch
        ? `its pixels have more than the ${maxOutputLength} bytes that its header declares`
        : `its compressed pixels are broken (${messageOf(error)})`,
    );
  }
}

function passes({ interlaced }: PngHeader): readonly Pass[] {
  return interlaced ? ADAM7 : WHOLE;
}

/** Bytes of all rows with their filters. */
function rawSize(header: PngHeader): number {
  return passes(header).reduce((sum, pass) => {
    const { rows, stride } = extentOf(pass, header);
    return sum + rows * (stride + 1);
  }, 0);
}

/** A pass without columns has no rows either. */
function extentOf({ x, y, dx, dy }: Pass, { width, height, depth, samples }: PngHeader) {
  const columns = Math.max(0, Math.ceil((width - x) / dx));
  const rows = columns === 0 ? 0 : Math.max(0, Math.ceil((height - y) / dy));
  return { columns, rows, stride: Math.ceil((columns * samples * depth) / 8) };
}
