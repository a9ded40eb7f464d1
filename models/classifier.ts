import type { Manifest } from "./manifest.ts";

/** One class with its share of the probability. */
export interface Score {
  /** Position in the manifest's labels, from 0. */
  readonly index: number;
  /** The class. */
  readonly label: string;
  /** 0 to 1; over all classes they add up to 1. */
  readonly confidence: number;
}

/** Why an image can't be classified. All of them lie in the image: the same bytes fail again. */
export type ImageErrorCode = "empty" | "not_an_image" | "unsupported" | "damaged" | "too_many_pixels";

/** What became of one image. Failure is data: a bad image never throws, and never touches its neighbours. */
export type Outcome =
  | { readonly ok: true; readonly top: readonly [Score, ...Score[]] }
  | { readonly ok: false; readonly code: ImageErrorCode; readonly message: string };

/** Everything a classifier is made of. All of it can be posted to a Worker. */
export interface ModelFiles {
  /** Already validated. */
  readonly manifest: Manifest;
  /** Content of the weights file, checked against the manifest's size and SHA-256. */
  readonly weights: Uint8Array;
}

/** Bounds on what is decoded. */
export interface DecodeLimits {
  /** Images with more pixels are refused before a pixel is decoded. @default {50_000_000} */
  readonly maxPixels?: number;
}

/** How many classes an {@linkcode Outcome} names: the top k, in descending order of confidence. */
export const TOP_K = 5;

/** A model in memory. Synchronous: it is meant to be alone on its thread. */
export interface Classifier extends Disposable {
  /** What it was made from. */
  readonly manifest: Manifest;
  /**
   * Decodes, brings into form and classifies.
   *
   * @param images Encoded images (PNG, JPEG), any number.
   * @returns One outcome for each image, in order.
   * @throws {ModelError} Only for a fault of the model or the backend, never for an image.
   */
  classify(images: readonly Uint8Array[]): Outcome[];
}
