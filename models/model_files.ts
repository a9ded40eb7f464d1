import type { Manifest } from "./manifest.ts";
import type { Reference } from "./reference.ts";

/** The files of a model. They can be posted to a Worker. */
export interface ModelFiles {
  /** Validated. */
  readonly manifest: Manifest;
  /** Content of the weights file, checked against the manifest's size and SHA-256. */
  readonly weights: Uint8Array;
  /** The same of `unknown.weights` in the manifest. */
  readonly scorerWeights?: Uint8Array;
  /** What it predicts for its test images, where that is known. */
  readonly reference?: Reference;
}
