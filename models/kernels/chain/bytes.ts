/**
 * Operations on bytes: their weights are rounded to -127 to 127, with a scale for each filter or unit.
 *
 * @module
 */
import type { KernelMemory } from "../kernel_memory.ts";
import { places, windows } from "./convolution.ts";
import type { ConvolutionOperation, DenseOperation, Operation } from "./operation.ts";
import { imageStride, type Place } from "./place.ts";
import { finish, LARGEST_BYTE, padded, type Prepared, unitOfOutput } from "./prepared.ts";

/** Maximum of the products that a sum may have: they are -127² to 127², and the sum has 32 bits. */
export const MAX_DEPTH8 = 2 ** 17;

/** A matrix in bytes. */
export interface QuantisedKernel {
  /** Depth × columns, -127 to 127. */
  readonly weights: Int8Array;
  /** What 1 stands for, per column. */
  readonly scales: Float32Array;
}

/**
 * Rounds a matrix to bytes; the largest weight of each column becomes ±127.
 *
 * @param kernel Depth × columns.
 * @param columns Filters or units.
 */
export function quantiseKernel(kernel: Float32Array, columns: number): QuantisedKernel {
  const largest = new Float32Array(columns);
  kernel.forEach((weight, i) => largest[i % columns] = Math.max(largest[i % columns]!, Math.abs(weight)));
  const weights = new Int8Array(kernel.length);
  kernel.forEach((weight, i) => {
    weights[i] = Math.round(weight / (largest[i % columns]! || 1) * LARGEST_BYTE);
  });
  return { weights, scales: largest.map((weight) => weight / LARGEST_BYTE) };
}

/**
 * What the sums of each filter or unit are multiplied by.
 *
 * @param operation Whose input is bytes.
 * @param scales Of its weights.
 */
export function factorsOf(operation: Operation, scales: Float32Array): Float32Array {
  const factor = operation.inputRange! / LARGEST_BYTE * unitOfOutput(operation);
  return scales.map((scale) => scale * factor);
}

/**
 * Prepares a convolution of bytes.
 *
 * @param operation The convolution.
 * @param from Where its input lies, in its frame.
 * @param to Where its output goes.
 * @param memory For its weights.
 */
export function prepareConvolution8(
  operation: ConvolutionOperation,
  from: Place,
  to: Place,
  memory: KernelMemory,
): Prepared {
  const [height, width] = operation.size;
  const layer = memory.struct([
    ...places(from, to),
    ...weightsAndFinish(operation, height * width * from.shape[2], memory),
    ...windows(operation, from),
  ]);
  return { run: (images) => memory.kernels.convolve8(layer, images) };
}

/**
 * Prepares a dense layer of bytes.
 *
 * @param operation The layer.
 * @param from Where its input lies.
 * @param to Where its output goes.
 * @param _images Maximum number of images.
 * @param memory For its weights.
 */
export function prepareDense8(
  operation: DenseOperation,
  from: Place,
  to: Place,
  _images: number,
  memory: KernelMemory,
): Prepared {
  const inputs = imageStride(from);
  const layer = memory.struct([
    from.address,
    inputs,
    to.address,
    imageStride(to),
    ...weightsAndFinish(operation, inputs, memory),
    inputs,
    to.shape[2],
  ]);
  return { run: (images) => memory.kernels.dense8(layer, images) };
}

function weightsAndFinish(operation: Operation, depth: number, memory: KernelMemory) {
  const columns = operation.bias.length;
  const { weights, scales } = quantiseKernel(operation.kernel, columns);
  const packed = pack(weights, columns, depth);
  return [
    memory.bytes(new Uint8Array(packed.buffer)),
    padded(factorsOf(operation, scales), memory),
    ...finish(operation, memory),
  ];
}

/** For each group of columns: for each four rows, four numbers of each column. Missing rows and columns are 0. */
function pack(matrix: Int8Array, columns: number, depth: number): Int8Array {
  const width = columns + 3 & ~3;
  const rows = matrix.length / columns;
  const packed = new Int8Array(depth * width);
  let to = 0;
  for (let first = 0; first < width; first += 8) {
    const last = Math.min(first + 8, width);
    for (let row = 0; row < depth; row += 4) {
      for (let column = first; column < last; column++) {
        for (let k = row; k < row + 4; k++) {
          packed[to++] = k < rows && column < columns ? matrix[k * columns + column]! : 0;
        }
      }
    }
  }
  return packed;
}
