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
   * a lower cost (JPEG); the first of them that has no more pixels, else 1/8. `Infinity`: always at full size.
   *
   * @default {4_000_000}
   */
  readonly reduceAbovePixels?: number;
  /**
   * Images in one file. Counted where the decoder visits them (ICO); of an animation (GIF, WebP, PNG, AVIF) or a file of
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
   * Time for one image, in milliseconds. Checked between rows or blocks; WASM decoders (WebP, AVIF, HEIC) can't be
   * interrupted and are bounded by their pixels alone.
   *
   * @default {10_000}
   */
  readonly maxDecodeMs?: number;
}

const DEFAULTS: Required<DecodeLimits> = {
  maxWidth: 65_535,
  maxHeight: 65_535,
  maxPixels: 50_000_000,
  reduceAbovePixels: 4_000_000,
  maxFrames: 1_000,
  maxScans: 100,
  maxChunks: 50_000,
  maxDecodedBytes: 2 ** 29,
  maxDecodeMs: 10_000,
};

/** What can be counted in a file, and the bound on it. */
const COUNTED = { frames: "maxFrames", scans: "maxScans", chunks: "maxChunks" } as const;

/** The bounds for one image, and the time it has left. */
export class Budget {
  /** Every bound. */
  readonly limits: Required<DecodeLimits>;
  /** Of the format, e.g. `"PNG"`. */
  readonly format: string;
  readonly #end: number;

  /**
   * @param format Its name.
   * @param limits Bounds; a missing one is the default.
   */
  constructor(format: string, limits: DecodeLimits) {
    this.format = format;
    this.limits = { ...DEFAULTS, ...limits };
    this.#end = performance.now() + this.limits.maxDecodeMs;
  }

  /**
   * @param width In pixels.
   * @param height In pixels.
   * @throws {ImageError} `too_many_pixels`
   */
  checkExtent(width: number, height: number): void {
    const { maxWidth, maxHeight, maxPixels } = this.limits;
    const extent = `${width} × ${height}`;
    let excess: string | undefined;
    if (width > maxWidth) excess = `${extent} pixels; at most ${maxWidth} wide`;
    else if (height > maxHeight) excess = `${extent} pixels; at most ${maxHeight} high`;
    else if (width * height > maxPixels) {
      excess = `${extent} = ${width * height} pixels; at most ${maxPixels}`;
    }
    if (excess === undefined) return;
    throw new ImageError("too_many_pixels", `The ${this.format} has ${excess} are decoded`);
  }

  /**
   * @param bytes What decoding will take, beside the file.
   * @throws {ImageError} `over_limit`
   */
  checkMemory(bytes: number): void {
    if (bytes > this.limits.maxDecodedBytes) {
      throw this.#exceeded(`needs ${bytes} bytes to be decoded`, this.limits.maxDecodedBytes);
    }
  }

  /**
   * @param what What was counted.
   * @param count How many there are, at least.
   * @throws {ImageError} `over_limit`
   */
  checkCount(what: keyof typeof COUNTED, count: number): void {
    const bound = this.limits[COUNTED[what]];
    if (count > bound) throw this.#exceeded(`has ${count} ${what} or more`, bound);
  }

  /** @throws {ImageError} `over_limit` when the time is up. */
  checkTime(): void {
    if (performance.now() > this.#end) {
      throw this.#exceeded("is not decoded in time", `${this.limits.maxDecodeMs} ms`);
    }
  }

  #exceeded(what: string, bound: number | string): ImageError {
    return new ImageError("over_limit", `The ${this.format} ${what}; at most ${bound} are allowed`);
  }
}
