/**
 * Convolution and pooling with gradients that run on TensorFlow.js's WASM backend.
 *
 * The backend has no Conv2DBackpropFilter (tfjs issue 8474), and its Conv2DBackpropInput and MaxPoolGrad are slow. All
 * that is needed can be put as forward convolutions, which are fast.
 *
 * @module
 */
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";

/** With zeros around, or without. */
export type Padding = "same" | "valid";

/** What a convolution does besides convolving. */
export interface ConvolutionOptions {
  /** With or without zeros around; for `same` both sides of the kernel are odd. */
  readonly padding: Padding;
  /** What is done last. */
  readonly activation: "linear" | "relu";
  /** Whether the gradient by the input is wanted; it is not for the first layer. */
  readonly inputGradient: boolean;
}

/**
 * Convolution with stride 1, bias and activation in one step, differentiable.
 *
 * @param x Images × height × width × channels.
 * @param kernel Height × width × channels × filters.
 * @param bias One number for each filter.
 * @param options Padding, activation, and what to differentiate by.
 * @returns Images × height × width × filters.
 */
export function conv2d(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  bias: tf.Tensor1D,
  { padding, activation, inputGradient }: ConvolutionOptions,
): tf.Tensor4D {
  const operation = tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const value = tf.fused.conv2d({ x, filter: kernel, strides: 1, pad: padding, bias, activation });
    save([x, kernel, value]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, kernel, value] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
      const dz = (activation === "relu" ? tf.mul(dy, tf.step(value)) : dy) as tf.Tensor4D;
      const trained = [gradientByKernel(x, dz, kernel, padding), tf.sum(dz, [0, 1, 2])];
      return inputGradient ? [...trained, gradientByInput(dz, kernel, padding)] : trained;
    };
    return { value, gradFunc };
  });
  return operation(...(inputGradient ? [kernel, bias, x] : [kernel, bias])) as tf.Tensor4D;
}

/**
 * Maximum over windows of size × size side by side, differentiable. Where several are largest, the first gets the gradient.
 *
 * @param x Images × height × width × channels; what does not fill a window at the end is left out.
 * @param size Side of the window.
 * @returns Images × height/size × width/size × channels.
 */
export function maxPool2d(x: tf.Tensor4D, size: number): tf.Tensor4D {
  const operation = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const value = tf.maxPool(x, size, size, "valid");
    save([x, value]);
    const gradFunc = (dy: tf.Tensor, [x, value]: tf.Tensor[]) => {
      return gradientByPooled(dy as tf.Tensor4D, x as tf.Tensor4D, value as tf.Tensor4D, size);
    };
    return { value, gradFunc };
  });
  return operation(x) as tf.Tensor4D;
}

/** The kernel turned by 180°, inputs and outputs exchanged, goes over the gradient. */
function gradientByInput(dz: tf.Tensor4D, kernel: tf.Tensor4D, padding: Padding): tf.Tensor4D {
  const turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2]) as tf.Tensor4D;
  if (padding === "same") return tf.conv2d(dz, turned, 1, "same");
  const [height, width] = kernel.shape;
  return tf.conv2d(pad(dz, height - 1, width - 1), turned, 1, "valid");
}

/** Channels take the place of images, and the gradient is the kernel: it goes over the input. */
function gradientByKernel(
  x: tf.Tensor4D,
  dz: tf.Tensor4D,
  kernel: tf.Tensor4D,
  padding: Padding,
): tf.Tensor4D {
  const [height, width] = kernel.shape;
  const padded = padding === "same" ? pad(x, (height - 1) / 2, (width - 1) / 2) : x;
  const images = tf.transpose(padded, [3, 1, 2, 0]) as tf.Tensor4D;
  const filter = tf.transpose(dz, [1, 2, 0, 3]) as tf.Tensor4D;
  return tf.transpose(tf.conv2d(images, filter, 1, "valid"), [1, 2, 0, 3]) as tf.Tensor4D;
}

function pad(x: tf.Tensor4D, rows: number, columns: number): tf.Tensor4D {
  return tf.pad(x, [[0, 0], [rows, rows], [columns, columns], [0, 0]]) as tf.Tensor4D;
}

function gradientByPooled(dy: tf.Tensor4D, x: tf.Tensor4D, y: tf.Tensor4D, size: number): tf.Tensor4D {
  const [images, height, width, channels] = x.shape;
  const [, rows, columns] = y.shape;
  const [from, largest, gradient] = [x.dataSync(), y.dataSync(), dy.dataSync()];
  const dx = new Float32Array(from.length);
  let out = 0;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const corner = ((image * height + row * size) * width + column * size) * channels;
        for (let channel = 0; channel < channels; channel++, out++) {
          const at = findInWindow(from, largest[out]!, corner + channel, size, width * channels, channels);
          dx[at] = gradient[out]!;
        }
      }
    }
  }
  return tf.tensor4d(dx, x.shape);
}

function findInWindow(
  values: ArrayLike<number>,
  wanted: number,
  corner: number,
  size: number,
  rowStride: number,
  columnStride: number,
): number {
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const at = corner + row * rowStride + column * columnStride;
      if (values[at] === wanted) return at;
    }
  }
  return corner;
}
