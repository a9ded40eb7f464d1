import type { Shape } from "../../models/layers/layers.ts";

/** Trained parameters, or numbers that are computed from them. */
export type Numbers = Float32Array | Float64Array;

/** A tensor of a file. */
export interface Tensor {
  /** Extent of each dimension. */
  readonly shape: Shape;
  /** Row by row, the last dimension fastest. */
  readonly data: Numbers;
}

/** Maximum number of parameters of a model: 1 GiB. */
export const MAX_PARAMETERS = 2 ** 28;

/** Maximum size of a file in bytes; a file of Keras can also contain the state of the optimiser. */
export const MAX_FILE_BYTES = 2 ** 31 - 1;
