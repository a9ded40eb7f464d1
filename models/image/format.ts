import type { Budget } from "./limits.ts";

/** A decoded image: 8 bits per sample, rows from the top, samples of a pixel together, upright. */
export interface Pixels {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Samples per pixel: 1 grey, 3 RGB, 4 RGB and alpha (not premultiplied). */
  readonly channels: 1 | 3 | 4;
  /** `width × height × channels` samples. */
  readonly data: Uint8Array;
}

/** An image whose header was read. */
export interface OpenImage {
  /** In pixels, as stored; at least 1. */
  readonly width: number;
  /** In pixels, as stored; at least 1. */
  readonly height: number;
  /** Memory that decoding takes at its peak beside the file, in bytes. */
  readonly decodedBytes: number;
  /**
   * Decodes the first image of the file: 16 bits are reduced to 8, palettes are looked up, alpha is kept as a fourth channel,
   * and the orientation that the file asks for (EXIF or the format's own) is applied. Called at most once, after the bounds
   * were checked; long loops call the budget's `checkTime`.
   *
   * @returns The pixels. They can be fewer than the header declares where `reduceAbovePixels` applies.
   * @throws {Error} Of any kind if the content is broken; other than ImageError it is reported as `damaged`.
   */
  decode(): Pixels;
}

/**
 * The decoder of one format. It is synchronous and runs in a Worker without permissions, on bytes of strangers: every loop and
 * every allocation is bounded by the length of the file, by the header that was checked, or by the budget.
 */
export interface ImageDecoder {
  /**
   * Reads the header. Allocates nothing that grows with the extent, and takes time that grows with the file at most.
   * The caller checks extent and memory; what else can be counted (scans, chunks, frames) is checked here.
   *
   * @param bytes The file; `matches` of its format is true.
   * @param budget The bounds.
   * @returns The header, and how to decode the rest.
   * @throws {ImageError} `damaged`, `unsupported`, `over_limit`
   */
  open(bytes: Uint8Array, budget: Budget): OpenImage;
}

/**
 * One image format. A new one is a file that exports an {@linkcode ImageDecoder}, and a line in decode.ts that defines how the
 * format is recognised and how the file is loaded; a decoder in WASM comes with its binary in the module graph (see webp.ts).
 */
export interface ImageFormat {
  /** As people call it, e.g. `"PNG"`. */
  readonly name: string;
  /** Whether the first bytes are those of this format. */
  readonly matches: (bytes: Uint8Array) => boolean;
  /** The decoder; or how to load it when the first image of the format comes. */
  readonly decoder: ImageDecoder | (() => Promise<ImageDecoder>);
}
