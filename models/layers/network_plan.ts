import type { WeightsSpec } from "../manifest.ts";
import { fuseLayers, type Parameters, type Segment } from "./fusion.ts";
import { type ShapedLayer, size } from "./layers.ts";

/** A network as it will be run, before anything of it is in the memory of the kernels. */
export interface NetworkPlan {
  /** Shape of the image. */
  readonly input: readonly [height: number, width: number, channels: number];
  /** From `shapeLayers`. */
  readonly shaped: readonly ShapedLayer[];
  /** The trained parameters of each layer. */
  readonly parameters: readonly Parameters[];
  /** The layers that run together, in order. */
  readonly segments: readonly Segment[];
}

/** A network in memory. */
export interface LoadedNetwork extends Disposable {
  /** Batch sizes that are to be run once before the first image, so that it is as fast as later ones. */
  readonly warmUpSizes: readonly number[];
  /**
   * Runs images through the network.
   *
   * @param images Images × height × width × channels.
   * @param count How many, at most the largest batch size.
   * @returns Logits: images × labels.
   */
  predict(images: Float32Array, count: number): Float32Array;
}

/**
 * Plans a network.
 *
 * @param input Shape of the image: height, width, channels.
 * @param shaped From `shapeLayers`.
 * @param weights Content of the weights file.
 * @param dtype How its numbers are stored, little-endian.
 */
export function planNetwork(
  input: NetworkPlan["input"],
  shaped: readonly ShapedLayer[],
  weights: Uint8Array,
  dtype: WeightsSpec["dtype"],
): NetworkPlan {
  const parameters = divide(toFloat32(weights, dtype), shaped);
  return { input, shaped, parameters, segments: fuseLayers(input, shaped, parameters) };
}

/** Whether the whole network runs on the project's own kernels, in one go. */
export function isFused({ segments }: NetworkPlan): boolean {
  return segments.length === 1 && segments[0]!.fused !== undefined;
}

/** The numbers of each tensor of each layer. */
function divide(numbers: Float32Array, shaped: readonly ShapedLayer[]): Parameters[] {
  let end = 0;
  return shaped.map(({ tensors }) => tensors.map((shape) => numbers.subarray(end, end += size(shape))));
}

/**
 * Decodes the numbers of a weights file.
 *
 * @param weights Its content.
 * @param dtype How its numbers are stored, little-endian.
 */
export function toFloat32(weights: Uint8Array, dtype: WeightsSpec["dtype"]): Float32Array {
  const { buffer } = weights.slice();
  return dtype === "float16" ? new Float32Array(new Float16Array(buffer)) : new Float32Array(buffer);
}
