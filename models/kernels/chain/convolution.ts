import type { Address } from "../memory.ts";
import type { KernelMemory } from "../kernel_memory.ts";
import type { ConvolutionOperation } from "./operation.ts";
import { firstPixel, imageStride, type Place, rowStride } from "./place.ts";
import { finish, inUnitOfOutput, panels, type Prepared } from "./prepared.ts";

/** Numbers that `transform_kernel3` needs. */
const KERNEL_LINES = 216;

/** `COUNTS` of `c/convolve3.c`. */
const COUNTS = 16;

/** Numbers of all planes of the tiles that are processed together, so that they fit the second-level cache. */
const PLANES = 2 ** 17;

/**
 * Whether a convolution is computed by Winograd's algorithm.
 *
 * @param operation The convolution.
 * @param channels Of its input.
 */
export function isWinograd(
  { size, stride, output, pool }: ConvolutionOperation,
  channels: number,
): boolean {
  const isSmall = output[0] * pool === 1 || output[1] * pool === 1;
  return [...size, ...stride].join() === "3,3,1,1" && channels % 4 === 0 && !isSmall;
}

/**
 * Prepares a convolution.
 *
 * @param operation The convolution; its filters are a multiple of 4.
 * @param from Where its input lies, in its frame.
 * @param to Where its output goes.
 * @param memory For its weights.
 */
export function prepareConvolution(
  operation: ConvolutionOperation,
  from: Place,
  to: Place,
  memory: KernelMemory,
): Prepared {
  const prepare = isWinograd(operation, from.shape[2]) ? prepareTiles : prepareWindows;
  return prepare(inUnitOfOutput(operation), from, to, memory);
}

function prepareTiles(
  operation: ConvolutionOperation,
  from: Place,
  to: Place,
  memory: KernelMemory,
): Prepared {
  const { pool, output: [rows, columns, filters] } = operation;
  const [heights, widths] = [tileSizes(rows * pool, pool), tileSizes(columns * pool, pool)];
  const inputs = from.shape[2];
  const block = 6 * Math.max(2, Math.floor(PLANES / 36 / inputs / 6));
  const layer = memory.struct([
    ...places(from, to),
    transformKernel(operation, inputs, [Math.max(...heights), Math.max(...widths)], memory),
    ...finish(operation, memory),
    inputs,
    filters,
    memory.bytes(Uint8Array.from(heights)),
    memory.bytes(Uint8Array.from(widths)),
    heights.length,
    widths.length,
    pool,
    block,
    memory.zeros(COUNTS + 36 * (block * (inputs + 8) + 32)),
  ]);
  return { run: (images) => memory.kernels.convolve3(layer, images) };
}

/** Sizes of the tiles along one direction: those with the fewest points. */
export function tileSizes(extent: number, pool: number): number[] {
  if (pool === 3) return Array(extent / 3).fill(3);
  const rest = extent % 4;
  const end = rest === 0 ? [] : rest !== 1 ? [rest] : extent === 5 ? [3, 2] : [3, 3, 3];
  return [...Array((extent - end.reduce((a, b) => a + b, 0)) / 4).fill(4), ...end];
}

function transformKernel(
  { kernel, output: [, , filters] }: ConvolutionOperation,
  inputs: number,
  [height, width]: readonly [number, number],
  memory: KernelMemory,
): Address {
  const planes = memory.zeros(pointCount(height) * pointCount(width) * inputs * filters);
  memory.withFloats(kernel, (from) =>
    memory.withFloats(new Float32Array(KERNEL_LINES), (lines) => {
      memory.kernels.transform_kernel3(from, planes, inputs, filters, height, width, lines);
    }));
  return planes;
}

/** Points at which the tiles of a layer are evaluated along one direction. */
function pointCount(largest: number): number {
  return largest + 2;
}

function prepareWindows(
  operation: ConvolutionOperation,
  from: Place,
  to: Place,
  memory: KernelMemory,
): Prepared {
  const { size: [height, width], output: [, , filters] } = operation;
  const layer = memory.struct([
    ...places(from, to),
    panels(operation.kernel, height * width * from.shape[2], filters, memory),
    ...finish(operation, memory),
    ...windows(operation, from),
  ]);
  return { run: (images) => memory.kernels.convolve(layer, images) };
}

/** The first fields of the structs of convolutions. */
export function places(from: Place, to: Place): number[] {
  return [from.address, rowStride(from), imageStride(from), firstPixel(to), rowStride(to), imageStride(to)];
}

/**
 * The fields of windows, the last ones of `struct convolve` and `struct convolve8` (`c/`).
 *
 * @param operation The convolution.
 * @param from Where its input lies.
 */
export function windows(operation: ConvolutionOperation, from: Place): number[] {
  const { size, stride, pool, output: [rows, columns, filters] } = operation;
  return [from.shape[2], filters, ...size, ...stride, rows, columns, pool];
}
