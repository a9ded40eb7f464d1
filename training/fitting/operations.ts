/**
 * The differentiable operations of training, on the project's own kernels: the WASM backend of TensorFlow.js
 * has no Conv2DBackpropFilter (tfjs issue 8474), and its Conv2DBackpropInput and MaxPoolGrad are slow.
 *
 * @module
 */
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { convolve, gradientByInput, gradientByKernel } from "../../models/kernels/convolution.ts";
import type { Padding } from "../../models/kernels/convolution.ts";
import { addressOf, emptyTensor, kernels } from "../../models/kernels/kernels.ts";
import { doublesAt, floatsAt, withScratch, withZeros } from "../../models/kernels/memory.ts";

/** Which gradients of a convolution are computed: not with respect to images, nor to a fixed kernel. */
export interface WantedGradients {
  /** With respect to the input. */
  readonly input: boolean;
  /** With respect to the kernel. */
  readonly kernel: boolean;
}

/** Mean and variance of each channel. */
export interface Moments {
  /** One number per channel. */
  readonly mean: Float32Array;
  /** One number per channel: the mean squared deviation, not corrected for the size of the sample. */
  readonly variance: Float32Array;
}

type Operation = Parameters<typeof tf.customGrad>[0];

/** `tf.customGrad` passes the inputs and then `save`, which its types cannot express. */
function differentiable<T extends tf.Tensor>(
  forward: (
    save: tf.GradSaveFunc,
  ) => { value: T; gradients: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[] },
): (...inputs: tf.Tensor[]) => T {
  const operation = (...args: unknown[]) => {
    const { value, gradients } = forward(args.at(-1) as tf.GradSaveFunc);
    return { value, gradFunc: gradients };
  };
  return tf.customGrad(operation as unknown as Operation) as (...inputs: tf.Tensor[]) => T;
}

/**
 * Convolution with stride 1.
 *
 * @param x Images × height × width × channels.
 * @param kernel Side × side × channels × filters; filters is a multiple of 8.
 * @param padding With or without zeros around.
 * @param wanted Which gradients are computed.
 * @returns Images × rows × columns × filters.
 */
export function conv2d(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  padding: Padding,
  wanted: WantedGradients,
): tf.Tensor4D {
  const operation = differentiable((save) => {
    const value = convolve(x, kernel, padding);
    save([x, kernel]);
    const gradients = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, kernel] = saved as [tf.Tensor4D, tf.Tensor4D];
      const grads: tf.Tensor[] = [];
      if (wanted.kernel) grads.push(gradientByKernel(x, dy as tf.Tensor4D, kernel.shape[0], padding));
      if (wanted.input) grads.push(gradientByInput(dy as tf.Tensor4D, kernel, padding));
      return grads;
    };
    return { value, gradients };
  });
  return operation(...[...wanted.kernel ? [kernel] : [], ...wanted.input ? [x] : []]);
}

/**
 * Product of two matrices: a convolution with one pixel per window, both padded with zeros to multiples of 8.
 *
 * @param x Images × inputs.
 * @param kernel Inputs × outputs.
 * @returns Images × outputs.
 */
export function matMul(x: tf.Tensor2D, kernel: tf.Tensor2D): tf.Tensor2D {
  const [inputs, outputs] = kernel.shape;
  const [images] = x.shape;
  const [depth, columns] = [roundUp(inputs), roundUp(outputs)];
  const image = tf.reshape(tf.pad(x, [[0, 0], [0, depth - inputs]]), [1, 1, images, depth]);
  const panel = tf.reshape(tf.pad(kernel, [[0, depth - inputs], [0, columns - outputs]]), [
    1,
    1,
    depth,
    columns,
  ]);
  const wanted = { input: true, kernel: true };
  const out = conv2d(image as tf.Tensor4D, panel as tf.Tensor4D, "valid", wanted);
  return tf.slice(tf.reshape(out, [images, columns]), [0, 0], [images, outputs]) as tf.Tensor2D;
}

function roundUp(extent: number): number {
  return Math.ceil(extent / 8) * 8;
}

/**
 * Maximum over adjacent windows of side × side. Of several largest numbers the first gets the gradient.
 *
 * @param x Images × height × width × channels; channels is a multiple of 4.
 * @param side Of the window; an incomplete window at the end is ignored.
 * @returns Images × height/side × width/side × channels.
 */
export function maxPool2d(x: tf.Tensor4D, side: number): tf.Tensor4D {
  const [images, height, width, channels] = x.shape;
  const operation = differentiable((save) => {
    const value = emptyTensor<tf.Tensor4D>([
      images,
      Math.floor(height / side),
      Math.floor(width / side),
      channels,
    ]);
    kernels().maxPool(addressOf(x), addressOf(value), images, height, width, channels, side);
    save([x, value]);
    const gradients = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, y] = saved as [tf.Tensor4D, tf.Tensor4D];
      const dx = emptyTensor(x.shape);
      const at = [dy, y, x, dx].map(addressOf) as [number, number, number, number];
      kernels().maxPoolGradient(...at, images, height, width, channels, side);
      return [dx];
    };
    return { value, gradients };
  });
  return operation(x);
}

/**
 * Adds a bias to each channel and applies a floor.
 *
 * @param x Any tensor, channels last; their number is a multiple of 4.
 * @param bias One number per channel.
 * @param floor 0 for ReLU, -Infinity for none.
 * @returns A tensor of the shape of x.
 */
export function addBias<T extends tf.Tensor>(x: T, bias: tf.Tensor1D, floor: number): T {
  const ones = new Float32Array(bias.size).fill(1);
  const zeros = new Float32Array(bias.size);
  return scaleShift(x, bias, floor, ones, zeros, () => ({ a: ones, b: zeros, c: zeros }));
}

/**
 * Batch normalisation without a trained scale (Ioffe and Szegedy 2015), then a bias, then a floor.
 *
 * @param x Any tensor, channels last; their number is a multiple of 4.
 * @param bias One number per channel.
 * @param floor 0 for ReLU, -Infinity for none.
 * @param onMoments Receives mean and variance of the batch.
 * @returns A tensor of the shape of x.
 */
export function batchNorm<T extends tf.Tensor>(
  x: T,
  bias: tf.Tensor1D,
  floor: number,
  onMoments?: (moments: Moments) => void,
): T {
  const rows = x.size / bias.size;
  const { mean, variance } = momentsOf(x, bias.size);
  onMoments?.({ mean, variance });
  const scale = variance.map((value) => 1 / Math.sqrt(value + EPSILON));
  const shift = mean.map((value, i) => -value * scale[i]!);
  return scaleShift(x, bias, floor, scale, shift, ({ sum, products }) => {
    const along = products.map((product, i) => (product - mean[i]! * sum[i]!) * scale[i]! ** 3 / rows);
    return {
      a: scale,
      b: along.map((value) => -value),
      c: along.map((value, i) => value * mean[i]! - sum[i]! * scale[i]! / rows),
    };
  });
}

/** Added to the variance, so that nothing is divided by 0. */
export const EPSILON = 1e-5;

/** Coefficients of the gradient with respect to the input: dx = a × dz + b × x + c per channel. */
interface InputGradient {
  readonly a: ArrayLike<number>;
  readonly b: ArrayLike<number>;
  readonly c: ArrayLike<number>;
}

/** Sums over all rows of the gradient, and of its products with the input: one number per channel. */
interface GradientMoments {
  readonly sum: Float64Array;
  readonly products: Float64Array;
}

/** y = max(x × scale + shift + bias, floor), where scale and shift may depend on x. */
function scaleShift<T extends tf.Tensor>(
  x: T,
  bias: tf.Tensor1D,
  floor: number,
  scale: Float32Array,
  shift: Float32Array,
  gradient: (moments: GradientMoments) => InputGradient,
): T {
  const channels = bias.size;
  const rows = x.size / channels;
  const operation = differentiable((save) => {
    const value = emptyTensor<T>(x.shape);
    withScratch(8 * channels, (vectors) => {
      const [first, second] = [vectors, vectors + 4 * channels];
      const biases = floatsAt(addressOf(bias), channels);
      floatsAt(first, channels).set(scale);
      floatsAt(second, channels).set(shift.map((number, i) => number + biases[i]!));
      kernels().scaleShift(addressOf(x), addressOf(value), rows, channels, first, second, floor);
    });
    save([x, value]);
    const gradients = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, y] = saved as [tf.Tensor, tf.Tensor];
      const dx = emptyTensor(x.shape);
      const moments = gradientMoments(dy, y, x, channels, floor);
      const { a, b, c } = gradient(moments);
      withScratch(12 * channels, (vectors) => {
        [a, b, c].forEach((vector, i) => floatsAt(vectors + 4 * i * channels, channels).set(vector));
        const places = [0, 1, 2].map((i) => vectors + 4 * i * channels) as [number, number, number];
        const [dyAt, yAt, xAt, dxAt] = [dy, y, x, dx].map(addressOf) as [number, number, number, number];
        kernels().gradientByInput(dyAt, yAt, xAt, dxAt, rows, channels, floor, ...places);
      });
      return [dx, tf.tensor1d(Float32Array.from(moments.sum))];
    };
    return { value, gradients };
  });
  return operation(x, bias);
}

function momentsOf(x: tf.Tensor, channels: number): Moments {
  const rows = x.size / channels;
  return withZeros(16 * channels, (sums) => {
    kernels().addMoments(addressOf(x), rows, channels, sums);
    const [sum, squares] = [doublesAt(sums, channels), doublesAt(sums + 8 * channels, channels)];
    const mean = Float32Array.from(sum, (value) => value / rows);
    return {
      mean,
      variance: Float32Array.from(squares, (value, i) => Math.max(0, value / rows - (sum[i]! / rows) ** 2)),
    };
  });
}

function gradientMoments(
  dy: tf.Tensor,
  y: tf.Tensor,
  x: tf.Tensor,
  channels: number,
  floor: number,
): GradientMoments {
  return withZeros(16 * channels, (sums) => {
    const at = [dy, y, x].map(addressOf) as [number, number, number];
    kernels().addGradientMoments(...at, x.size / channels, channels, floor, sums);
    const [sum, products] = [doublesAt(sums, channels), doublesAt(sums + 8 * channels, channels)];
    return { sum: sum.slice(), products: products.slice() };
  });
}
