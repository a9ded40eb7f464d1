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

/**
 * How an image is to be turned to be upright, as EXIF numbers it (CIPA DC-008, 4.6.5): where the first stored row and the first
 * stored column are shown. 1 top and left, 2 top and right, 3 bottom and right, 4 bottom and left, 5 left and top,
 * 6 right and top, 7 right and bottom, 8 left and bottom.
 */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** How a file stores its pixels. */
export interface Encoding {
  /** Bits per sample, or per pixel of a palette. */
  readonly bits: number;
  /** What the samples are, human-readable: `"grey"`, `"palette"`, `"RGB with alpha"`, `"YCbCr 4:2:0, progressive"`. */
  readonly colours: string;
  /** How the image is to be turned to be upright. */
  readonly orientation: Orientation;
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
   * Describes how the pixels are stored, for whoever looks at the file; decoding does not need it.
   *
   * @returns What the file declares.
   * @throws {ImageError} `damaged`, `over_limit`, if that is not in the header and cannot be found.
   */
  describe(): Encoding;
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
