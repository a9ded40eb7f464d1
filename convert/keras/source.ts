import type { Tensor } from "./tensor.ts";

/** An opened model in one of the formats of Keras. */
export interface KerasSource extends Disposable {
  /** File or folder, for messages. */
  readonly where: string;
  /** Human-readable format: `HDF5 file of Keras 2.15.0`. */
  readonly format: string;
  /** The architecture: an object with `class_name` and `config`. */
  readonly architecture: unknown;
  /** The classes, where a file beside the model has them (Teachable Machine). */
  readonly labels?: readonly string[];
  /**
   * Reads the trained parameters of one layer.
   *
   * @param path Name of the layer, after the names of the models that it is in.
   * @returns In the order of Keras.
   * @throws {ModelError} `invalid`
   */
  weights(path: readonly string[]): Tensor[];
}
