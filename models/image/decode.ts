import { plural } from "../../lib/plural.ts";
import { messageOf } from "../../lib/coded_error.ts";
import { ImageError } from "../errors.ts";
import type { ImageDecoder, ImageFormat, OpenImage, Pixels } from "./format.ts";
import { Budget, type DecodeLimits } from "./limits.ts";
import { png } from "./png.ts";
import { anyOf, isAvif, isBmp, isHeic, isIco, isPnm, isTiff, signature } from "./signatures.ts";

export type { DecodeLimits } from "./limits.ts";

/** An encoded image whose header was read. */
export interface EncodedImage extends OpenImage {
  /** The bounds that apply to it. */
  readonly limits: Required<DecodeLimits>;
}

/** What can be decoded. The first that matches is taken; all but PNG are loaded when their first image comes. */
const FORMATS: readonly ImageFormat[] = [
  { name: "PNG", matches: signature("\x89PNG\r\n\x1a\n"), decoder: png },
  { name: "JPEG", matches: signature("\xff\xd8\xff"), decoder: async () => (await import("./jpeg.ts")).jpeg },
  { name: "WebP", matches: signature("WEBP", 8), decoder: async () => (await import("./webp.ts")).webp },
  { name: "GIF", matches: signature("GIF8"), decoder: async () => (await import("./gif.ts")).gif },
  { name: "BMP", matches: isBmp, decoder: async () => (await import("./bmp.ts")).bmp },
  { name: "TIFF", matches: isTiff, decoder: async () => (await import("./tiff.ts")).tiff },
  { name: "AVIF", matches: isAvif, decoder: async () => (await import("./avif.ts")).avif },
  { name: "HEIC", matches: isHeic, decoder: async () => (await import("./heic.ts")).heic },
  { name: "PNM", matches: isPnm, decoder: async () => (await import("./pnm.ts")).pnm },
  { name: "ICO", matches: isIco, decoder: async () => (await import("./ico.ts")).ico },
];

/** What is recognised only to be named in the refusal. */
const OTHER_FORMATS: readonly (readonly [name: string, matches: (bytes: Uint8Array) => boolean])[] = [
  ["MP4, MOV or HEIF of this kind", signature("ftyp", 4)],
  ["BigTIFF", anyOf(signature("II+\0"), signature("MM\0+"))],
  ["JPEG XL", anyOf(signature("\xff\x0a"), signature("JXL ", 4))],
  ["JPEG 2000", anyOf(signature("jP  ", 4), signature("\xff\x4f\xff\x51"))],
  ["JPEG XR", signature("II\xbc")],
  ["Photoshop (PSD)", signature("8BPS")],
  ["SVG or other XML", anyOf(signature("<svg"), signature("<?xml"))],
  ["PostScript", signature("%!PS")],
  ["PDF", signature("%PDF")],
];

/** How far a signature can be from its place and still be named in the refusal. */
const MAX_JUNK = 16;

const loaded = new Map<ImageFormat, ImageDecoder>();
for (const format of FORMATS) if (typeof format.decoder === "object") loaded.set(format, format.decoder);

/**
 * Loads the decoders that images need and that are not loaded yet. No permission is needed: they are part of the program.
 *
 * @param images Encoded images of any format, supported or not.
 * @throws {Error} If a decoder cannot be loaded; no image is at fault.
 */
export async function loadDecoders(images: Iterable<Uint8Array>): Promise<void> {
  const missing = new Set<ImageFormat>();
  for (const bytes of images) {
    const format = formatOf(bytes);
    if (format && !loaded.has(format)) missing.add(format);
  }
  await Promise.all([...missing].map(async (format) => {
    if (typeof format.decoder === "function") loaded.set(format, await format.decoder());
  }));
}

/**
 * Decodes an image of any supported format. Memory and time are bounded by the limits, whatever the bytes are.
 *
 * It is synchronous; what it needs is loaded before by {@linkcode loadDecoders}. PNG needs nothing.
 *
 * @param bytes The encoded image.
 * @param limits Bounds on what is decoded.
 * @returns Its pixels, upright.
 * @throws {ImageError} Any of its codes.
 * @throws {TypeError} If the decoder of the format is not loaded.
 *
 * @example
 * ```ts
 * import { decodeImage, loadDecoders } from "./decode.ts";
 * import { encodePng } from "./encode_png.ts";
 * const image = encodePng({ width: 2, height: 1, channels: 1, data: new Uint8Array(2) });
 * await loadDecoders([image]);
 * const { width, height } = decodeImage(image);
 * console.log(width, height); // 2 1
 * ```
 */
export function decodeImage(bytes: Uint8Array, limits: DecodeLimits = {}): Pixels {
  return openImage(bytes, limits).decode();
}

/**
 * The first half of {@linkcode decodeImage}, for whoever wants to know what a file is: reads the header.
 *
 * @param bytes The encoded image.
 * @param limits Bounds on what is decoded.
 * @returns What the file declares. Its `decode` checks the bounds and throws what {@linkcode decodeImage} throws.
 * @throws {ImageError} Any of its codes.
 * @throws {TypeError} If the decoder of the format is not loaded.
 */
export function openImage(bytes: Uint8Array, limits: DecodeLimits = {}): EncodedImage {
  const format = formatOf(bytes);
  if (format === undefined) throw unknownFormat(bytes);
  const decoder = loaded.get(format);
  if (!decoder) {
    throw new TypeError(
      `Cannot decode ${format.name}: its decoder is not loaded; await loadDecoders() before`,
    );
  }
  const { name } = format;
  const budget = new Budget(name, limits);
  const image = asImageError(name, () => decoder.open(bytes, budget));
  const { width, height, decodedBytes } = image;
  return {
    limits: budget.limits,
    width,
    height,
    decodedBytes,
    describe: () => asImageError(name, () => image.describe()),
    decode: () =>
      asImageError(name, () => {
        budget.checkExtent(width, height);
        budget.checkMemory(decodedBytes);
        const pixels = image.decode();
        // A decoder in WASM looks at no clock.
        budget.checkTime();
        return pixels;
      }),
  };
}

/** Whatever a decoder throws is the fault of the file. */
function asImageError<Result>(name: string, run: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    throw new ImageError("damaged", `The ${name} is damaged: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Recognises a format by the first bytes.
 *
 * @param bytes An encoded image.
 * @returns Its name, e.g. `"PNG"`; undefined if it cannot be decoded.
 */
export function formatName(bytes: Uint8Array): string | undefined {
  return formatOf(bytes)?.name;
}

function formatOf(bytes: Uint8Array): ImageFormat | undefined {
  return FORMATS.find(({ matches }) => matches(bytes));
}

function unknownFormat(bytes: Uint8Array): ImageError {
  const names = FORMATS.map(({ name }) => name);
  const accepted = `${names.slice(0, -1).join(", ")} and ${names.at(-1)} are accepted`;
  if (bytes.byteLength === 0) return new ImageError("empty", `The image has 0 bytes; ${accepted}`);
  const other = OTHER_FORMATS.find(([, matches]) => matches(bytes));
  if (other) return new ImageError("unsupported", `${other[0]} is not supported; ${accepted}`);
  const shown = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const text = String.fromCharCode(...bytes.subarray(0, 8)).replace(/[^ -~]/g, "·");
  return new ImageError(
    "not_an_image",
    `The image of ${plural(bytes.byteLength, "byte")} begins with ${shown} (${text})${
      junkBefore(bytes)
    }; ${accepted}`,
  );
}

/** An image behind a few foreign bytes is refused, with a message that names them. */
function junkBefore(bytes: Uint8Array): string {
  for (let junk = 1; junk <= MAX_JUNK; junk++) {
    const format = FORMATS.find(({ name, matches }) => name !== "BMP" && matches(bytes.subarray(junk)));
    if (format) return `; after ${plural(junk, "byte")} a ${format.name} begins`;
  }
  return "";
}
