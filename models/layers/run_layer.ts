import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { type ActivationFunction, DEFAULT_EPSILON, heightAndWidth, type Layer } from "./layer.ts";

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
    case "layerNormalization": {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const variance = tf.mean(tf.square(centred), -1, true);
      const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, layer.epsilon ?? DEFAULT_EPSILON)));
      return tf.add(tf.mul(normal, tensors[0]!), tensors[1]!);
    }
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

/** For these, activations keep mean 0 and variance 1. */
const [SELU_ALPHA, SELU_SCALE] = [1.6732632423543772, 1.0507009873554805];

const ACTIVATIONS: { [Name in ActivationFunction]: (x: tf.Tensor, slope: number) => tf.Tensor } = {
  relu: (x) => tf.relu(x),
  relu6: (x) => tf.relu6(x),
  leakyRelu: (x, slope) => tf.leakyRelu(x, slope),
  sigmoid: (x) => tf.sigmoid(x),
  tanh: (x) => tf.tanh(x),
  elu: (x) => tf.elu(x),
  selu: (x) => {
    const positive = tf.relu(x);
    return tf.mul(tf.add(positive, tf.mul(tf.sub(tf.elu(x), positive), SELU_ALPHA)), SELU_SCALE);
  },
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
