/** A decoded image: 8 bits a sample, rows from the top, samples of a pixel together. */
export interface Pixels {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Samples a pixel: 1 grey, 3 RGB, 4 RGB and alpha (not premultiplied). */
  readonly channels: 1 | 3 | 4;
  /** `width × height × channels` samples. */
  readonly data: Uint8Array;
}

/** Extent of an image, read from its header. */
export interface Extent {
  /** In pixels; at least 1. */
  readonly width: number;
  /** In pixels; at least 1. */
  readonly height: number;
}

/** One image format. A new one is a file like png.ts and a line in decode.ts. */
export interface ImageFormat {
  /** As people call it, e.g. `"PNG"`. */
  readonly name: string;
  /** Whether the first bytes are those of this format. */
  matches(bytes: Uint8Array): boolean;
  /**
   * Reads the extent and checks the structure; allocates nothing that grows with the extent.
   *
   * @throws {ImageError} `damaged` or `unsupported`
   */
  inspect(bytes: Uint8Array): Extent;
  /**
   * Decodes what {@linkcode ImageFormat.inspect} found in order.
   *
   * @throws {Error} Of any kind if the content is broken.
   */
  decode(bytes: Uint8Array): Pixels;
}
