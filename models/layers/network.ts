import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { convolvePrepared, isSupported, type PreparedKernel, prepareKernel } from "../kernels/convolution.ts";
import { type ActivationFunction, type Convolution, heightAndWidth } from "./layer.ts";
import { lastUses, type Shape, type ShapedLayer, size } from "./layers.ts";
import type { Layer, WeightsSpec } from "../manifest.ts";

/** A layer with its trained parameters in the backend's memory. */
export interface LoadedLayer {
  /** As declared. */
  readonly layer: Layer;
  /** Kernel and bias, or scale and shift; empty if the layer has none. */
  readonly tensors: readonly tf.Tensor[];
  /** Of a convolution that runs on the project's own kernels. */
  readonly prepared?: PreparedKernel;
}

/**
 * Loads the trained parameters into the backend's memory.
 *
 * @param shaped From `shapeLayers`.
 * @param weights Content of the weights file.
 * @param dtype How its numbers are stored, little-endian.
 * @returns The layers, in order; the caller disposes of them with {@linkcode disposeLayers}.
 */
export function loadLayers(
  shaped: readonly ShapedLayer[],
  weights: Uint8Array,
  dtype: WeightsSpec["dtype"],
): LoadedLayer[] {
  const numbers = toFloat32(weights, dtype);
  let offset = 0;
  const take = (shape: Shape): tf.Tensor => {
    const end = offset + size(shape);
    const tensor = tf.tensor(numbers.subarray(offset, end), [...shape], "float32");
    offset = end;
    return tensor;
  };
  return shaped.map(({ layer, tensors }) => prepareLayer(layer, tensors.map(take)));
}

/**
 * Releases the memory of layers.
 *
 * @param layers From {@linkcode loadLayers}; they must not be used afterwards.
 */
export function disposeLayers(layers: readonly LoadedLayer[]): void {
  for (const { tensors, prepared } of layers) {
    tf.dispose([...tensors]);
    prepared?.panels.dispose();
  }
}

/** Convolutions with stride 1 run on the project's own, faster kernels on WASM. */
function prepareLayer(layer: Layer, tensors: readonly tf.Tensor[]): LoadedLayer {
  if (layer.type !== "conv2d" || tf.getBackend() !== "wasm" || !isOurs(layer, tensors[0]!)) {
    return { layer, tensors };
  }
  const prepared = prepareKernel(tensors[0] as tf.Tensor4D);
  return { layer, tensors, prepared };
}

function isOurs(
  { stride = 1, dilation = 1, padding, activation }: Convolution,
  { shape }: tf.Tensor,
): boolean {
  const isSingle = [...heightAndWidth(stride), ...heightAndWidth(dilation)].every((extent) => extent === 1);
  return isSingle && activation !== "relu6" && isSupported(shape) &&
    (padding !== "same" || shape[0]! % 2 === 1);
}

/**
 * Runs a batch through the layers. The output of a layer is disposed of once its last user has run; call it
 * inside `tf.tidy` nevertheless, for what the operations leave behind.
 *
 * @param layers From {@linkcode loadLayers}.
 * @param input Images × height × width × channels; it is not disposed of.
 * @returns Logits: images × labels.
 */
export function runLayers(layers: readonly LoadedLayer[], input: tf.Tensor): tf.Tensor {
  const sources = layers.map(({ layer }, i) => ({ from: layer.from ?? [i - 1] }));
  const last = lastUses(sources);
  const outputs: tf.Tensor[] = [];
  for (const [i, loaded] of layers.entries()) {
    const from = sources[i]!.from;
    outputs.push(runLoaded(loaded, from.map((index) => index < 0 ? input : outputs[index]!)));
    for (const index of new Set(from)) if (index >= 0 && last[index] === i) outputs[index]!.dispose();
  }
  return outputs.at(-1) ?? input;
}

function runLoaded({ layer, tensors, prepared }: LoadedLayer, inputs: readonly tf.Tensor[]): tf.Tensor {
  if (prepared === undefined || layer.type !== "conv2d") return runLayer(layer, tensors, inputs);
  const { padding = "valid", activation } = layer;
  const floor = activation === "relu" ? 0 : -Infinity;
  return convolvePrepared(inputs[0] as tf.Tensor4D, prepared, tensors[1] as tf.Tensor1D, padding, floor);
}

/**
 * Runs one layer on the kernels of TensorFlow.js.
 *
 * @param layer As declared.
 * @param tensors Its trained parameters.
 * @param inputs One tensor, for `add` and `concatenate` several; the first dimension is the image.
 * @returns The output; the first dimension is the image.
 */
export function runLayer(
  layer: Layer,
  tensors: readonly tf.Tensor[],
  inputs: readonly tf.Tensor[],
): tf.Tensor {
  const x = inputs[0]!;
  switch (layer.type) {
    case "conv2d":
      return tf.fused.conv2d(convolution(layer, tensors, x));
    case "depthwiseConv2d":
      return tf.fused.depthwiseConv2d(convolution(layer, tensors, x));
    case "maxPool2d":
    case "averagePool2d": {
      const pool = layer.type === "maxPool2d" ? tf.maxPool : tf.avgPool;
      const { size, stride = size, padding = "valid" } = layer;
      return pool(x as tf.Tensor4D, heightAndWidth(size), heightAndWidth(stride), padding);
    }
    case "globalAveragePool2d":
      return tf.mean(x, [1, 2]);
    case "globalMaxPool2d":
      return tf.max(x, [1, 2]);
    case "affine":
      return tf.add(tf.mul(x, tensors[0]!), tensors[1]!);
    case "activation":
      return ACTIVATIONS[layer.function](x, layer.slope ?? DEFAULT_SLOPE);
    case "zeroPad2d": {
      const { top = 0, bottom = 0, left = 0, right = 0 } = layer;
      return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]]);
    }
    case "flatten":
      return tf.reshape(x, [x.shape[0] ?? 1, -1]);
    case "dense":
      return tf.fused.matMul({
        a: x,
        b: tensors[0] as tf.Tensor2D,
        bias: tensors[1] as tf.Tensor1D,
        activation: layer.activation ?? "linear",
      });
    case "add":
      return inputs.slice(1).reduce((sum, other) => tf.add(sum, other), x);
    case "concatenate":
      return tf.concat([...inputs], -1);
  }
}

const DEFAULT_SLOPE = 0.2;

const ACTIVATIONS: { [Name in ActivationFunction]: (x: tf.Tensor, slope: number) => tf.Tensor } = {
  relu: (x) => tf.relu(x),
  relu6: (x) => tf.relu6(x),
  leakyRelu: (x, slope) => tf.leakyRelu(x, slope),
  sigmoid: (x) => tf.sigmoid(x),
  tanh: (x) => tf.tanh(x),
  elu: (x) => tf.elu(x),
  gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
  swish: (x) => tf.mul(x, tf.sigmoid(x)),
  softmax: (x) => tf.softmax(x, -1),
};

function convolution(
  layer: Layer & { type: "conv2d" | "depthwiseConv2d" },
  [filter, bias]: readonly tf.Tensor[],
  x: tf.Tensor,
) {
  return {
    x: x as tf.Tensor4D,
    filter: filter as tf.Tensor4D,
    bias: bias as tf.Tensor1D,
    strides: heightAndWidth(layer.stride ?? 1),
    dilations: heightAndWidth(layer.dilation ?? 1),
    pad: layer.padding ?? "valid",
    activation: layer.activation ?? "linear",
  };
}

/**
 * Decodes the numbers of a weights file.
 *
 * @param weights Its content.
 * @param dtype How its numbers are stored, little-endian.
 */
export function toFloat32(weights: Uint8Array, dtype: WeightsSpec["dtype"]): Float32Array {
  const width = dtype === "float16" ? 2 : 4;
  const view = new DataView(weights.buffer, weights.byteOffset, weights.byteLength);
  const read = dtype === "float16" ? view.getFloat16 : view.getFloat32;
  return Float32Array.from(
    { length: weights.byteLength / width },
    (_, i) => read.call(view, i * width, true),
  );
}
