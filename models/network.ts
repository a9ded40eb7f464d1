import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { size } from "./layers.ts";
import type { Shape, ShapedLayer } from "./layers.ts";
import type { Layer, WeightsSpec } from "./manifest.ts";

/** A layer with its trained numbers in the backend's memory. */
export interface LoadedLayer {
  /** As declared. */
  readonly layer: Layer;
  /** Kernel and bias; empty where the layer has none. */
  readonly tensors: readonly tf.Tensor[];
}

/**
 * Puts the trained numbers into the backend's memory.
 *
 * @param shaped As `shapeLayers` gives them.
 * @param weights Content of the weights file.
 * @param dtype How its numbers are stored, little-endian.
 * @returns The layers, in order. Whoever asked disposes of the tensors.
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
  return shaped.map(({ layer, tensors }) => ({ layer, tensors: tensors.map(take) }));
}

/**
 * Runs a batch through the layers.
 *
 * @param layers As {@linkcode loadLayers} gives them.
 * @param input Images × height × width × channels.
 * @returns Images × labels: logits.
 */
export function runLayers(layers: readonly LoadedLayer[], input: tf.Tensor): tf.Tensor {
  return layers.reduce<tf.Tensor>((x, { layer, tensors }) => runLayer(layer, tensors, x), input);
}

function runLayer(layer: Layer, [kernel, bias]: readonly tf.Tensor[], x: tf.Tensor): tf.Tensor {
  switch (layer.type) {
    case "conv2d":
      return tf.fused.conv2d({
        x: x as tf.Tensor4D,
        filter: kernel as tf.Tensor4D,
        bias: bias as tf.Tensor1D,
        strides: layer.stride ?? 1,
        pad: layer.padding ?? "valid",
        activation: layer.activation ?? "linear",
      });
    case "maxPool2d":
      return tf.maxPool(x as tf.Tensor4D, layer.size, layer.stride ?? layer.size, "valid");
    case "flatten":
      return tf.reshape(x, [x.shape[0] ?? 1, -1]);
    case "dense":
      return tf.fused.matMul({
        a: x,
        b: kernel as tf.Tensor2D,
        bias: bias as tf.Tensor1D,
        activation: layer.activation ?? "linear",
      });
  }
}

function toFloat32(weights: Uint8Array, dtype: WeightsSpec["dtype"]): Float32Array {
  const width = dtype === "float16" ? 2 : 4;
  const view = new DataView(weights.buffer, weights.byteOffset, weights.byteLength);
  const read = dtype === "float16" ? view.getFloat16 : view.getFloat32;
  return Float32Array.from(
    { length: weights.byteLength / width },
    (_, i) => read.call(view, i * width, true),
  );
}
