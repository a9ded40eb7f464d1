import type { Tensor } from "./tensor.ts";

/** A model in one of the formats of Keras, opened. */
export interface KerasSource extends Disposable {
  /** File or folder, for messages. */
  readonly where: string;
  /** What it is, for people: `HDF5 file of Keras 2.15.0`. */
  readonly format: string;
  /** The architecture as Keras writes it: `class_name` and `config`. */
  readonly architecture: unknown;
  /**
   * Reads the trained numbers of one layer.
   *
   * @param path Name of the layer, after the names of the models that it is in.
   * @returns They, in the order in which Keras made them.
   * @throws {ModelError} `invalid`
   */
  weights(path: readonly string[]): Tensor[];
}
