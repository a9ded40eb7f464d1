import type { Shape } from "../../models/layers/layers.ts";

/** Trained numbers, or numbers worked out from them. */
export type Numbers = Float32Array | Float64Array;

/** Trained numbers as a file holds them. */
export interface Tensor {
  /** Extent of each dimension. */
  readonly shape: Shape;
  /** Row by row, the last dimension fastest. */
  readonly data: Numbers;
}

/** The most trained numbers a model may have: 1 GiB. */
export const MAX_PARAMETERS = 2 ** 28;

/** The largest file that is read, in bytes; a file of Keras can hold the state of the optimiser too. */
export const MAX_FILE_BYTES = 2 ** 31 - 1;
