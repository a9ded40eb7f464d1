import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { ModelError } from "../../models/errors.ts";
import type { ShapedLayer } from "../../models/layers/layers.ts";
import type { Activation, Layer } from "../../models/manifest.ts";
import { addBias, batchNorm, conv2d, matMul, maxPool2d, type Moments } from "./operations.ts";

/** How a network runs. */
export interface ForwardOptions {
  /** Whether a batch normalisation follows each convolution. */
  readonly batchNorm: boolean;
  /** Whether the first layer is fixed: it has no batch normalisation, and its kernel is not trained. */
  readonly fixedFirst: boolean;
  /** Receives the moments of each batch normalisation, first to last. */
  readonly onMoments?: (moments: Moments) => void;
}

/**
 * Runs a batch through a network, differentiably.
 *
 * Max pooling after a convolution runs before normalisation, bias and ReLU. These are monotonic, so the
 * result is the same with less work.
 *
 * @param layers From `shapeLayers`.
 * @param tensors One per parameter, in the order of the weights file.
 * @param input Images × height × width × channels.
 * @param options How the network runs.
 * @returns Logits: images × classes.
 * @throws {ModelError} `invalid`: a layer that cannot be trained.
 */
export function forward(
  layers: readonly ShapedLayer[],
  tensors: readonly tf.Tensor[],
  input: tf.Tensor,
  options: ForwardOptions,
): tf.Tensor2D {
  let x = input;
  let next = 0;
  for (let i = 0; i < layers.length; i++) {
    const { layer } = layers[i]!;
    const [kernel, bias] = tensors.slice(next, next + layers[i]!.tensors.length);
    next += layers[i]!.tensors.length;
    if (layer.type === "conv2d") {
      const fixed = options.fixedFirst && i === 0;
      const padding = layer.padding ?? "valid";
      x = conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, padding, { kernel: !fixed, input: i > 0 });
      const pool = layers[i + 1]?.layer;
      if (pool?.type === "maxPool2d") {
        x = maxPool2d(x as tf.Tensor4D, pool.size as number);
        i++;
      }
      x = options.batchNorm && !fixed
        ? batchNorm(x, bias as tf.Tensor1D, floor(layer.activation), options.onMoments)
        : addBias(x, bias as tf.Tensor1D, floor(layer.activation));
    } else {
      x = forwardOther(layer, kernel, bias, x);
    }
  }
  return x as tf.Tensor2D;
}

function forwardOther(
  layer: Layer,
  kernel: tf.Tensor | undefined,
  bias: tf.Tensor | undefined,
  x: tf.Tensor,
): tf.Tensor {
  switch (layer.type) {
    case "maxPool2d":
      return maxPool2d(x as tf.Tensor4D, layer.size as number);
    case "flatten":
      return tf.reshape(x, [x.shape[0]!, -1]);
    case "dense": {
      const sum = tf.add(matMul(x as tf.Tensor2D, kernel as tf.Tensor2D), bias!);
      return layer.activation === "relu" ? tf.relu(sum) : sum;
    }
    default:
      throw new ModelError("invalid", `Cannot train a layer of type "${layer.type}"`);
  }
}

/**
 * Checks that a network can be trained.
 *
 * @param layers From `shapeLayers`.
 * @param where The recipe, for messages.
 * @throws {ModelError} `invalid`: names the layer and what would be right.
 */
export function checkTrainable(layers: readonly ShapedLayer[], where: string): void {
  layers.forEach((shaped, i) => {
    const problem = problemOf(shaped, i);
    if (problem !== undefined) {
      throw new ModelError(
        "invalid",
        `${where}: layers[${i}] (${shaped.layer.type}) cannot be trained: ${problem}`,
      );
    }
  });
}

function problemOf({ layer, from, tensors: [kernel] }: ShapedLayer, place: number): string | undefined {
  if (from.length !== 1 || from[0] !== place - 1) return "its only input must be the layer before it";
  switch (layer.type) {
    case "conv2d":
      if (kernel![0] !== kernel![1]) return `its kernel must be square; it is ${kernel![0]}×${kernel![1]}`;
      if (!isOnly(layer.stride, 1) || !isOnly(layer.dilation, 1)) return "its stride and dilation must be 1";
      if (layer.padding === "same" && kernel![0]! % 2 === 0) {
        return 'with padding "same" its kernel must be odd';
      }
      if (layer.filters % 8 !== 0) return `its filters must be a multiple of 8; it has ${layer.filters}`;
      return activationProblem(layer.activation);
    case "maxPool2d":
      if (typeof layer.size !== "number") return "its size must be one number";
      if (layer.padding === "same") return 'its padding must be "valid"';
      return isOnly(layer.stride, layer.size) ? undefined : `its stride must be its size, ${layer.size}`;
    case "dense":
      return activationProblem(layer.activation);
    case "flatten":
      return undefined;
    default:
      return "supported are conv2d, maxPool2d, flatten and dense";
  }
}

function activationProblem(activation: Activation = "linear"): string | undefined {
  return activation === "linear" || activation === "relu"
    ? undefined
    : "its activation must be linear or relu";
}

function isOnly(extent: number | readonly [number, number] | undefined, wanted: number): boolean {
  return extent === undefined || [extent].flat().every((value) => value === wanted);
}

function floor(activation: Activation | undefined): number {
  return activation === "relu" ? 0 : -Infinity;
}
