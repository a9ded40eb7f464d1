import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { parameterCount, size } from "../layers.ts";
import type { Shape, ShapedLayer } from "../layers.ts";
import type { LoadedLayer } from "../network.ts";

/**
 * He initialisation (He et al. 2015): kernels normal with variance 2 / inputs, biases 0.
 *
 * @param layers As `shapeLayers` gives them.
 * @param seed Of the whole training.
 * @returns All trained numbers one after the other, in the order of the weights file.
 */
export function initialParameters(layers: readonly ShapedLayer[], seed: number): Float32Array {
  const parameters = new Float32Array(parameterCount(layers));
  let offset = 0;
  for (const [i, shape] of layers.flatMap((layer) => layer.tensors).entries()) {
    if (shape.length > 1) parameters.set(heNormal(shape, seed + i), offset);
    offset += size(shape);
  }
  return parameters;
}

/**
 * Cuts the parameters into tensors. Whoever asked disposes of them.
 *
 * @param layers As `shapeLayers` gives them.
 * @param parameters In the order of the weights file.
 * @returns One tensor for each kernel and bias.
 */
export function toTensors(layers: readonly ShapedLayer[], parameters: Float32Array): tf.Tensor[] {
  let offset = 0;
  return layers.flatMap((layer) => layer.tensors).map((shape) => {
    const start = offset;
    offset += size(shape);
    return tf.tensor(parameters.slice(start, offset), [...shape]);
  });
}

/**
 * Puts layers and tensors together.
 *
 * @param layers As `shapeLayers` gives them.
 * @param tensors As {@linkcode toTensors} gives them.
 * @returns The layers with their tensors, in order.
 */
export function withTensors(layers: readonly ShapedLayer[], tensors: readonly tf.Tensor[]): LoadedLayer[] {
  let next = 0;
  return layers.map(({ layer, tensors: shapes }) => {
    const start = next;
    next += shapes.length;
    return { layer, tensors: tensors.slice(start, next) };
  });
}

function heNormal(shape: Shape, seed: number): Float32Array {
  const inputs = size(shape.slice(0, -1));
  const tensor = tf.truncatedNormal([...shape], 0, Math.sqrt(2 / inputs), "float32", seed);
  const values = tensor.dataSync<"float32">();
  tensor.dispose();
  return values;
}
