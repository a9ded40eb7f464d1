import factory from "npm:@jsquash/webp@1.5.0/codec/dec/webp_dec.js";
import { plural } from "../../lib/plural.ts";
import { ImageError } from "../errors.ts";
import { readExifOrientation } from "./exif.ts";
import type { Encoding, ImageDecoder, Orientation, Pixels } from "./format.ts";
import type { Budget } from "./limits.ts";
import { upright } from "./orientation.ts";
import { type EmscriptenModule, type RgbaImage, WasmCodec, withoutAlpha } from "./wasm_codec.ts";
import binary from "./webp_wasm.js";

interface WebpModule extends EmscriptenModule {
  /** Gives RGBA, or nothing if the file is broken. */
  decode(bytes: Uint8Array): RgbaImage | null;
}

const codec = new WasmCodec<WebpModule>(factory as (options: object) => unknown, binary);

/** Per pixel: RGBA within libwebp and as it comes out, and RGB; a lossless image is unpacked besides. */
const BYTES_PER_PIXEL = 16;

/** Memory of libwebp that does not depend on the image. */
const FIXED_BYTES = 2 ** 24;

/**
 * WebP (RFC 9649), lossy and lossless, with alpha; of an animation the first frame, on its canvas. By libwebp in WASM. The
 * container is read here: libwebp's simple interface takes neither animations nor EXIF.
 */
export const webp: ImageDecoder = {
  open(bytes, budget) {
    const file = readContainer(bytes, budget);
    const { width, height } = file;
    const decodedBytes = FIXED_BYTES + bytes.length + BYTES_PER_PIXEL * width * height;
    return {
      width,
      height,
      decodedBytes,
      describe: () => describe(file),
      decode: () => upright(decode(file, budget), file.orientation),
    };
  },
};

/** Where the pixels are. */
interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  /** Whole chunks, with their headers: `VP8 ` or `VP8L`, before it perhaps `ALPH`. */
  readonly image: Uint8Array;
  readonly alpha: Uint8Array | undefined;
}

interface Container {
  readonly width: number;
  readonly height: number;
  readonly frame: Frame;
  readonly orientation: Orientation;
  readonly animated: boolean;
}

interface Chunk {
  readonly type: string;
  /** Where its header begins, then its content, and where its content ends. */
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

function* chunksOf(bytes: Uint8Array, budget: Budget): Generator<Chunk, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0, count = 1; at + 8 <= bytes.length; count++) {
    budget.checkCount("chunks", count);
    const length = view.getUint32(at + 4, true);
    const end = at + 8 + length;
    const type = String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
    if (end > bytes.length) {
      throw damaged(`a chunk of ${plural(length, "byte")} stands where ${bytes.length - at - 8} are left`);
    }
    yield { type, at, start: at + 8, end };
    at = end + length % 2;
  }
}

function readContainer(bytes: Uint8Array, budget: Budget): Container {
  let canvas: { width: number; height: number } | undefined;
  let frame: Frame | undefined;
  let alpha: Uint8Array | undefined;
  let orientation: Orientation = 1;
  let animated = false;
  // What stands behind the RIFF file is not looked at; RFC 9649, 2.4.
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(4, true);
  const body = bytes.subarray(12, size >= 12 ? 8 + size + size % 2 : bytes.length);
  for (const chunk of chunksOf(body, budget)) {
    const { type, start, end } = chunk;
    if (type === "VP8X") canvas = { width: 1 + uint24(body, start + 4), height: 1 + uint24(body, start + 7) };
    else if (type === "ALPH") alpha = wholeOf(body, chunk);
    else if (type === "VP8 " || type === "VP8L") frame ??= readImage(body, chunk, alpha);
    else if (type === "ANMF") {
      animated = true;
      frame ??= readAnimationFrame(body.subarray(start, end), budget);
    } else if (type === "EXIF") orientation = readExifOrientation(withoutPrefix(body.subarray(start, end)));
    if (frame && !canvas) break;
  }
  if (!frame) throw damaged("it has no image");
  const { x, y, width, height } = frame;
  canvas ??= { width, height };
  if (x + width > canvas.width || y + height > canvas.height) {
    throw damaged(
      `its frame of ${width} × ${height} pixels lies outside its ${canvas.width} × ${canvas.height}`,
    );
  }
  return { ...canvas, frame, orientation, animated };
}

function describe({ frame, orientation, animated }: Container): Encoding {
  const isLossless = frame.image[3] === 0x4c;
  const colours = (isLossless ? "RGB" : "YCbCr 4:2:0") + (frame.hasAlpha ? " with alpha" : "") +
    (isLossless ? ", lossless" : ", lossy") + (animated ? ", animated" : "");
  return { bits: 8, colours, orientation };
}

/** Some writers put it before the EXIF data though the format does not. */
function withoutPrefix(exif: Uint8Array): Uint8Array {
  return String.fromCharCode(...exif.subarray(0, 6)) === "Exif\0\0" ? exif.subarray(6) : exif;
}

function readAnimationFrame(content: Uint8Array, budget: Budget): Frame {
  const body = content.subarray(16);
  let alpha: Uint8Array | undefined;
  for (const chunk of chunksOf(body, budget)) {
    if (chunk.type === "ALPH") alpha = wholeOf(body, chunk);
    else if (chunk.type === "VP8 " || chunk.type === "VP8L") {
      return { ...readImage(body, chunk, alpha), x: 2 * uint24(content, 0), y: 2 * uint24(content, 3) };
    }
  }
  throw damaged("its first frame has no image");
}

/** With its header and its padding. */
function wholeOf(bytes: Uint8Array, { at, end }: Chunk): Uint8Array {
  return bytes.subarray(at, end + (end - at) % 2);
}

/** RFC 6386, 9.1, and RFC 9649, 3.4. */
function readImage(bytes: Uint8Array, chunk: Chunk, alpha: Uint8Array | undefined): Frame {
  const { type, start, end } = chunk;
  const place = { x: 0, y: 0, image: wholeOf(bytes, chunk) };
  const content = bytes.subarray(start, end);
  const at = (i: number) => content[i] ?? 0;
  if (type === "VP8L") {
    if (at(0) !== 0x2f) throw damaged("its lossless image has no signature");
    const width = 1 + (at(1) | (at(2) & 0x3f) << 8);
    const height = 1 + (at(2) >> 6 | at(3) << 2 | (at(4) & 0x0f) << 10);
    return { ...place, width, height, alpha: undefined, hasAlpha: (at(4) & 0x10) !== 0 };
  }
  if (at(3) !== 0x9d || at(4) !== 0x01 || at(5) !== 0x2a) throw damaged("its lossy image has no signature");
  const [width, height] = [at(6) | (at(7) & 0x3f) << 8, at(8) | (at(9) & 0x3f) << 8];
  if (width === 0 || height === 0) throw damaged(`its header declares ${width} × ${height} pixels`);
  return { ...place, width, height, alpha, hasAlpha: alpha !== undefined };
}

function decode({ width, height, frame }: Container, budget: Budget): Pixels {
  const isWhole = frame.width === width && frame.height === height;
  const image = codec.use(budget, (module) => module.decode(stillImage(frame)));
  if (!image) throw damaged("its pixels cannot be decoded");
  if (image.width !== frame.width || image.height !== frame.height) {
    throw damaged(
      `it has ${image.width} × ${image.height} pixels; its header declares ${frame.width} × ${frame.height}`,
    );
  }
  if (!isWhole) return { width, height, channels: 4, data: onCanvas(image.data, frame, width, height) };
  if (!frame.hasAlpha) return { width, height, channels: 3, data: withoutAlpha(image.data) };
  return { width, height, channels: 4, data: new Uint8Array(image.data.buffer) };
}

/** A file with this frame alone. */
function stillImage({ width, height, image, alpha }: Frame): Uint8Array {
  const extended = new Uint8Array(alpha ? 18 : 0);
  if (alpha) {
    extended.set([0x56, 0x50, 0x38, 0x58, 10, 0, 0, 0, 0x10]);
    extended.set([width - 1, (width - 1) >> 8, 0, height - 1, (height - 1) >> 8, 0], 12);
  }
  const parts = [extended, alpha ?? new Uint8Array(), image];
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  const file = new Uint8Array(8 + length);
  file.set([
    0x52,
    0x49,
    0x46,
    0x46,
    length,
    length >> 8,
    length >> 16,
    length >>> 24,
    0x57,
    0x45,
    0x42,
    0x50,
  ]);
  let at = 12;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Around the first frame of an animation the canvas is transparent. */
function onCanvas(
  rgba: Uint8ClampedArray,
  { x, y, width, height }: Frame,
  wide: number,
  high: number,
): Uint8Array {
  const canvas = new Uint8Array(4 * wide * high);
  for (let row = 0; row < height; row++) {
    canvas.set(rgba.subarray(4 * row * width, 4 * (row + 1) * width), 4 * ((y + row) * wide + x));
  }
  return canvas;
}

function uint24(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8 | (bytes[at + 2] ?? 0) << 16;
}

function damaged(reason: string): ImageError {
  return new ImageError("damaged", `The WebP is damaged: ${reason}`);
}
