// The full package registers the gradients of the operations; the core alone has none. Both share one core.
import "npm:@tensorflow/tfjs@4.22.0";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { ModelError } from "../errors.ts";
import type { ShapedLayer } from "../layers.ts";
import type { Layer } from "../manifest.ts";
import { conv2d, maxPool2d } from "./gradients.ts";
import { toTensors, withTensors } from "./parameters.ts";

/** A batch in the form the first layer expects. */
export interface Batch {
  /** Images × height × width × channels numbers. */
  readonly input: Float32Array;
  /** The class of each image. */
  readonly labels: Uint8Array;
}

/**
 * Works out the loss of a batch, and how each parameter changes it.
 *
 * @param layers As `shapeLayers` gives them; convolutions with stride 1 and pools side by side only.
 * @param inputShape Height, width, channels.
 * @param parameters In the order of the weights file.
 * @param batch What to learn from.
 * @param smoothing Share of the label's probability that is spread over all classes (Szegedy et al. 2016).
 * @returns Mean cross-entropy in nats, and its gradient in the order of the parameters.
 */
export function lossAndGradient(
  layers: readonly ShapedLayer[],
  inputShape: readonly [number, number, number],
  parameters: Float32Array,
  { input, labels }: Batch,
  smoothing: number,
): { loss: number; gradient: Float32Array } {
  const gradient = new Float32Array(parameters.length);
  let loss = 0;
  tf.tidy(() => {
    const x = tf.tensor4d(input, [labels.length, ...inputShape]);
    const classes = layers.at(-1)!.output[0]!;
    const wanted = tf.oneHot(tf.tensor1d(labels, "int32"), classes);
    const lossOf = (...tensors: tf.Tensor[]): tf.Scalar => {
      const logits = forward(layers, tensors, x);
      return tf.losses.softmaxCrossEntropy(wanted, logits, undefined, smoothing) as tf.Scalar;
    };
    const { value, grads } = tf.valueAndGrads(lossOf)(toTensors(layers, parameters));
    loss = value.dataSync()[0]!;
    flatten(grads, gradient);
  });
  return { loss, gradient };
}

function forward(layers: readonly ShapedLayer[], tensors: readonly tf.Tensor[], x: tf.Tensor): tf.Tensor {
  return withTensors(layers, tensors).reduce<tf.Tensor>(
    (x, { layer, tensors }, i) => forwardLayer(layer, tensors, x, i > 0),
    x,
  );
}

function forwardLayer(
  layer: Layer,
  [kernel, bias]: readonly tf.Tensor[],
  x: tf.Tensor,
  backward: boolean,
): tf.Tensor {
  if (layer.from !== undefined) throw unsupported('layers with a "from"');
  switch (layer.type) {
    case "conv2d": {
      if ((layer.stride ?? 1) !== 1) throw unsupported("conv2d with a stride other than 1");
      if ((layer.dilation ?? 1) !== 1) throw unsupported("conv2d with a dilation other than 1");
      const { padding = "valid", activation = "linear" } = layer;
      if (activation === "relu6") throw unsupported("the activation relu6");
      const options = { padding, activation, inputGradient: backward };
      return conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, bias as tf.Tensor1D, options);
    }
    case "maxPool2d":
      if (typeof layer.size !== "number" || (layer.stride ?? layer.size) !== layer.size) {
        throw unsupported("maxPool2d with windows that overlap or are not square");
      }
      if (layer.padding === "same") throw unsupported('maxPool2d with the padding "same"');
      return maxPool2d(x as tf.Tensor4D, layer.size);
    case "flatten":
      return tf.reshape(x, [x.shape[0]!, -1]);
    case "dense": {
      if (layer.activation === "relu6") throw unsupported("the activation relu6");
      const sum = tf.add(tf.matMul(x, kernel!), bias!);
      return layer.activation === "relu" ? tf.relu(sum) : sum;
    }
    default:
      throw unsupported(layer.type);
  }
}

function flatten(tensors: readonly tf.Tensor[], target: Float32Array): void {
  let offset = 0;
  for (const tensor of tensors) {
    target.set(tensor.dataSync(), offset);
    offset += tensor.size;
  }
}

function unsupported(what: string): ModelError {
  return new ModelError("invalid", `The trainer can't train ${what}`);
}
