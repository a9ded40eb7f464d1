import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { DataSet } from "../datasets/data_set.ts";
import { type Shape, type ShapedLayer, size } from "../../models/layers/layers.ts";
import type { InputSpec } from "../../models/manifest.ts";
import { Random } from "../random.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { whiteningKernel } from "./whiten.ts";

/** One tensor of a network: its place among all parameters, and how it is trained. */
export interface Parameter {
  /** Position of its layer. */
  readonly layer: number;
  readonly shape: Shape;
  /** Position of its first number. */
  readonly start: number;
  /** Position after its last number. */
  readonly end: number;
  /** A fixed one is not trained. */
  readonly kind: "kernel" | "bias" | "fixed";
  /** Whether it is the bias after a batch normalisation. */
  readonly normalised: boolean;
}

/**
 * Lists the tensors of a network in the order of the weights file.
 *
 * @param layers From `shapeLayers`.
 * @param recipe How the network is trained.
 * @returns Kernel and bias of each layer that has them.
 */
export function listParameters(
  layers: readonly ShapedLayer[],
  { batchNorm, initial }: Pick<Recipe, "batchNorm" | "initial">,
): Parameter[] {
  let start = 0;
  return layers.flatMap(({ layer, tensors }, i) =>
    tensors.map((shape, k): Parameter => {
      const end = start + size(shape);
      const isWhitening = initial.whiten && i === 0;
      const kind = k === 1 ? "bias" : isWhitening ? "fixed" : "kernel";
      const normalised = k === 1 && batchNorm && layer.type === "conv2d" && !isWhitening;
      const parameter = { layer: i, shape, start, end, kind, normalised } as const;
      start = end;
      return parameter;
    })
  );
}

/**
 * Initialises the parameters: kernels uniformly distributed with variance 1 / (3 × inputs) before a batch
 * normalisation, 1 / inputs in the last layer and 2 / inputs (He et al. 2015) elsewhere; biases 0; whitening
 * and identity kernels as the recipe asks for them.
 *
 * @param parameters From {@linkcode listParameters}.
 * @param recipe How the network is trained.
 * @param train The training images, for whitening.
 * @param input How they are standardised.
 * @returns All parameters, in the order of the weights file.
 */
export function initialNumbers(
  parameters: readonly Parameter[],
  recipe: Pick<Recipe, "batchNorm" | "initial" | "seed">,
  train: DataSet,
  input: InputSpec,
): Float32Array {
  const numbers = new Float32Array(parameters.at(-1)?.end ?? 0);
  const lastLayer = parameters.at(-1)?.layer;
  for (const { shape, kind, layer, start, end } of parameters) {
    const target = numbers.subarray(start, end);
    if (kind === "bias") continue;
    if (kind === "fixed") {
      target.set(whiteningKernel(train, input, shape[0]!));
      continue;
    }
    const gain = layer === lastLayer ? 1 : recipe.batchNorm && shape.length === 4 ? 1 / 3 : 2;
    const bound = Math.sqrt(3 * gain / size(shape.slice(0, -1)));
    const random = new Random(recipe.seed, STREAM + layer);
    target.forEach((_, i) => target[i] = random.between(-bound, bound));
    if (recipe.initial.identity && shape.length === 4) setIdentity(target, shape);
  }
  return numbers;
}

/** First stream of random numbers of the layers; those of the epochs are below. */
const STREAM = 0x7000_0000;

/** Makes the first filters pass on one channel each (Dirac initialisation). */
function setIdentity(kernel: Float32Array, shape: Shape): void {
  const [side, , channels, filters] = shape as [number, number, number, number];
  const centre = Math.floor(side / 2) * side + Math.floor(side / 2);
  for (let channel = 0; channel < Math.min(channels, filters); channel++) {
    for (let k = 0; k < side * side * channels; k++) kernel[k * filters + channel] = 0;
    kernel[(centre * channels + channel) * filters + channel] = 1;
  }
}

/**
 * Creates tensors from parameters; the caller disposes of them.
 *
 * @param parameters From {@linkcode listParameters}.
 * @param numbers In the order of the weights file.
 * @returns One tensor per parameter.
 */
export function toTensors(parameters: readonly Parameter[], numbers: Float32Array): tf.Tensor[] {
  // A copy: tf.tensor keeps the array that it is given for the CPU backend.
  return parameters.map(({ start, end, shape }) => tf.tensor(numbers.slice(start, end), [...shape]));
}

/**
 * The mean of the parameters of several trainings.
 *
 * @param all At least one; all of the same length.
 * @returns Each number is the mean of those at its place.
 */
export function meanOf(all: readonly Float32Array[]): Float32Array {
  return all[0]!.map((_, i) => all.reduce((sum, numbers) => sum + numbers[i]!, 0) / all.length);
}
