import { count, type OptionTable, type SettingsOf, size, time } from "../../lib/options.ts";
import { ImageError } from "../errors.ts";

/** Bounds on what is decoded. What exceeds one is refused before the work is done, and the refusal names the bound. */
export interface DecodeLimits {
  /** In pixels. @default {65_535} */
  readonly maxWidth?: number;
  /** In pixels. @default {65_535} */
  readonly maxHeight?: number;
  /** Width times height, in pixels. @default {50_000_000} */
  readonly maxPixels?: number;
  /**
   * Images with more pixels than this are decoded at 1/2, 1/4 or 1/8 of their width and height where the format allows it at
   * a lower cost (JPEG); the first of them that has no more pixels, else 1/8. Of a HEIC its thumbnail is decoded instead, if
   * that has a side of at least 256 pixels.
   *
   * @default {4_000_000}
   */
  readonly reduceAbovePixels?: number;
  /**
   * Images in one file. Counted where the decoder visits them (ICO, thumbnails of HEIC); of an animation (GIF, WebP, PNG, AVIF) or a file of
   * several pages (TIFF) only the first is visited.
   *
   * @default {1_000}
   */
  readonly maxFrames?: number;
  /** Passes over the pixels of one JPEG. @default {100} */
  readonly maxScans?: number;
  /** Chunks, segments, boxes or directory entries of one file. @default {50_000} */
  readonly maxChunks?: number;
  /** Memory that decoding one image takes beside its file, in bytes; estimated from the header. @default {536_870_912} */
  readonly maxDecodedBytes?: number;
  /**
   * Time for one image, in milliseconds. Checked between rows or blocks; decoders in WASM (WebP, AVIF, HEIC) cannot be
   * interrupted: they are checked when they end, and a service ends the Worker of one that does not.
   *
   * @default {10_000}
   */
  readonly maxDecodeMs?: number;
}

const MAX_PIXELS = 2 ** 28;

/** {@linkcode DecodeLimits} as options. */
export const DECODE_OPTIONS = {
  maxWidth: { ...count(MAX_PIXELS), default: 65_535, text: "wider images are rejected; in pixels" },
  maxHeight: { ...count(MAX_PIXELS), default: 65_535, text: "taller images are rejected; in pixels" },
  maxPixels: { ...count(MAX_PIXELS), default: 50_000_000, text: "images with more pixels are rejected" },
  reduceAbovePixels: {
    ...count(MAX_PIXELS),
    default: 4_000_000,
    text: "JPEGs with more pixels are decoded at 1/2, 1/4 or 1/8 of their sides, HEICs from their thumbnail",
  },
  maxFrames: {
    ...count(65_535),
    default: 1_000,
    text:
      "icons with more images, and HEICs with more thumbnails, are rejected; of an animation only the first image is decoded",
  },
  maxScans: { ...count(1_000_000), default: 100, text: "JPEGs with more scans are rejected" },
  maxChunks: {
    ...count(10_000_000),
    default: 50_000,
    text: "images with more chunks, segments, boxes or directory entries are rejected",
  },
  maxDecodedBytes: {
    ...size(2 ** 32),
    default: 2 ** 29,
    text: "images that need more memory to be decoded are rejected",
  },
  maxDecodeMs: {
    ...time(1, 3_600_000),
    default: 10_000,
    text: "images that take longer to decode are rejected",
  },
} as const satisfies OptionTable;

/** Every bound. */
export type DecodeSettings = SettingsOf<typeof DECODE_OPTIONS>;

/**
 * Fills in the defaults.
 *
 * @param limits Bounds; others than those of {@linkcode DECODE_OPTIONS} are left out.
 */
export function decodeSettings(limits: DecodeLimits): DecodeSettings {
  const names = Object.keys(DECODE_OPTIONS) as (keyof DecodeSettings)[];
  const entries = names.map((name) => [name, limits[name] ?? DECODE_OPTIONS[name].default]);
  return Object.fromEntries(entries) as DecodeSettings;
}

/** What can be counted in a file, and the bound on it. */
const COUNTED = { frames: "maxFrames", scans: "maxScans", chunks: "maxChunks" } as const;

/** The bounds for one image, and the time it has left. */
export class Budget {
  /** Every bound. */
  readonly limits: DecodeSettings;
  /** Of the format, e.g. `"PNG"`. */
  readonly format: string;
  readonly #end: number;

  /**
   * @param format Its name.
   * @param limits Bounds; a missing one is the default.
   * @param end When the time is up, as `performance.now()` counts it; `maxDecodeMs` from now where nothing is given.
   */
  constructor(format: string, limits: DecodeLimits, end?: number) {
    this.format = format;
    this.limits = decodeSettings(limits);
    this.#end = end ?? performance.now() + this.limits.maxDecodeMs;
  }

  /**
   * The bounds for an image inside this one; it has the time that is left.
   *
   * @param format Its name.
   * @param changes Bounds that differ.
   */
  inner(format: string, changes: DecodeLimits): Budget {
    return new Budget(format, { ...this.limits, ...changes }, this.#end);
  }

  /**
   * @param width In pixels.
   * @param height In pixels.
   * @throws {ImageError} `too_many_pixels`
   */
  checkExtent(width: number, height: number): void {
    const { maxWidth, maxHeight, maxPixels } = this.limits;
    const pixels = width * height;
    let excess: string | undefined;
    if (width > maxWidth) excess = `pixels; its width may be at most ${maxWidth}`;
    else if (height > maxHeight) excess = `pixels; its height may be at most ${maxHeight}`;
    else if (pixels > maxPixels) excess = `= ${pixels} pixels; the limit is ${maxPixels}`;
    if (excess === undefined) return;
    throw new ImageError("too_many_pixels", `The ${this.format} has ${width} × ${height} ${excess}`);
  }

  /**
   * @param bytes What decoding will take, beside the file.
   * @throws {ImageError} `over_limit`
   */
  checkMemory(bytes: number): void {
    const { maxDecodedBytes } = this.limits;
    if (bytes > maxDecodedBytes) {
      throw this.#exceeded(`needs ${bytes} bytes to be decoded; the limit is ${maxDecodedBytes}`);
    }
  }

  /** @returns The error for an image that needed more memory than its header made expect. */
  memoryExceeded(): ImageError {
    return this.#exceeded(`needs more than ${this.limits.maxDecodedBytes} bytes to be decoded, the limit`);
  }

  /**
   * @param what What was counted.
   * @param count How many there are, at least.
   * @throws {ImageError} `over_limit`
   */
  checkCount(what: keyof typeof COUNTED, count: number): void {
    const bound = this.limits[COUNTED[what]];
    if (count > bound) throw this.#exceeded(`has ${count} ${what} or more; the limit is ${bound}`);
  }

  /** @throws {ImageError} `over_limit` when the time is up. */
  checkTime(): void {
    if (performance.now() > this.#end) {
      throw this.#exceeded(`takes longer than ${this.limits.maxDecodeMs} ms to be decoded`);
    }
  }

  #exceeded(what: string): ImageError {
    return new ImageError("over_limit", `The ${this.format} ${what}`);
  }
}
