import { messageOf } from "../../lib/coded_error.ts";
import { ImageError } from "../errors.ts";
import type { ImageFormat, Pixels } from "./format.ts";
import { jpeg } from "./jpeg.ts";
import { png } from "./png.ts";

/** Bounds on what is decoded. */
export interface DecodeLimits {
  /** Images with more pixels are refused before a pixel is decoded. @default {50_000_000} */
  readonly maxPixels?: number;
}

/** What can be decoded. */
const FORMATS: readonly ImageFormat[] = [png, jpeg];

/** What is recognised only to be named in the refusal: offset and bytes of the signature, as Latin-1. */
const OTHER_FORMATS: readonly (readonly [name: string, offset: number, signature: string])[] = [
  ["GIF", 0, "GIF8"],
  ["WebP", 8, "WEBP"],
  ["BMP", 0, "BM"],
  ["TIFF", 0, "II*\0"],
  ["TIFF", 0, "MM\0*"],
  ["AVIF", 4, "ftypavif"],
  ["AVIF", 4, "ftypavis"],
  ["HEIC", 4, "ftyphei"],
  ["HEIC", 4, "ftypmif1"],
  ["JPEG XL", 0, "\xff\x0a"],
  ["JPEG XL", 4, "JXL "],
  ["JPEG 2000", 4, "jP  "],
  ["PDF", 0, "%PDF"],
];

const DEFAULT_MAX_PIXELS = 50_000_000;

/**
 * Decodes an image of any supported format. Memory is bounded by the limits, whatever the bytes are.
 *
 * @param bytes The encoded image.
 * @param limits Bounds on what is decoded.
 * @returns Its pixels.
 * @throws {ImageError} Any of its codes.
 *
 * @example
 * ```ts
 * import { decodeImage } from "./decode.ts";
 * import { encodePng } from "./encode_png.ts";
 * const { width, height } = decodeImage(encodePng({ width: 2, height: 1, channels: 1, data: new Uint8Array(2) }));
 * console.log(width, height); // 2 1
 * ```
 */
export function decodeImage(bytes: Uint8Array, limits: DecodeLimits = {}): Pixels {
  const format = FORMATS.find((candidate) => candidate.matches(bytes));
  if (format === undefined) throw unknownFormat(bytes);
  const { width, height } = format.inspect(bytes);
  const { maxPixels = DEFAULT_MAX_PIXELS } = limits;
  if (width * height > maxPixels) {
    throw new ImageError(
      "too_many_pixels",
      `The ${format.name} has ${width} × ${height} = ${
        width * height
      } pixels; at most ${maxPixels} are decoded`,
    );
  }
  return decode(format, bytes);
}

function decode(format: ImageFormat, bytes: Uint8Array): Pixels {
  try {
    return format.decode(bytes);
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    const reason = messageOf(cause);
    throw new ImageError("damaged", `The ${format.name} can't be decoded: ${reason}`, { cause });
  }
}

function unknownFormat(bytes: Uint8Array): ImageError {
  const accepted = `${FORMATS.map((format) => format.name).join(" and ")} are accepted`;
  if (bytes.byteLength === 0) return new ImageError("empty", `The image has 0 bytes; ${accepted}`);
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  const other = OTHER_FORMATS.find(([, offset, signature]) => start.startsWith(signature, offset));
  if (other !== undefined) return new ImageError("unsupported", `${other[0]} is not supported; ${accepted}`);
  const shown = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const text = start.slice(0, 8).replace(/[^ -~]/g, "·");
  return new ImageError(
    "not_an_image",
    `The ${bytes.byteLength} bytes begin with ${shown} (${text}); ${accepted}`,
  );
}
