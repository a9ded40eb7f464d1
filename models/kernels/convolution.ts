/**
 * Convolution with stride 1 and its two gradients, on the kernels of this folder.
 *
 * 3×3 kernels use Winograd's algorithm (`assembly/winograd.ts`: a third of the time, rounding errors of about
 * 1e-5 of the largest number), all others a direct loop (`assembly/direct.ts`).
 *
 * @module
 */
import type * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { addressOf, emptyTensor, kernels } from "./kernels.ts";
import { floatsAt, withScratch, withZeros } from "./memory.ts";
import type { Address } from "./memory.ts";

/** With or without zeros around the image. */
export type Padding = "same" | "valid";

/** Bytes of the vectors that the transformation of a kernel needs. */
const LINE = 576;

/** Tiles that Winograd's algorithm processes together, so that their planes fit the second-level cache. */
const BLOCK = 24;

/** Shape of a kernel: side × side × channels × filters. */
interface Shape {
  readonly side: number;
  readonly channels: number;
  readonly filters: number;
}

/** Everything about a convolution that does not depend on the numbers. */
interface Geometry extends Shape {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  /** Rows and columns of zeros before the image. */
  readonly top: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Convolves.
 *
 * @param x Images × height × width × channels.
 * @param kernel Side × side × channels × filters, supported.
 * @param padding For `same` the side is odd.
 * @returns Images × rows × columns × filters.
 */
export function convolve(x: tf.Tensor4D, kernel: tf.Tensor4D, padding: Padding): tf.Tensor4D {
  const side = kernel.shape[0];
  const geometry = measure(x.shape, side, kernel.shape[3], padding === "same" ? (side - 1) / 2 : 0);
  const out = emptyTensor<tf.Tensor4D>([geometry.images, geometry.rows, geometry.columns, geometry.filters]);
  prepareAndRun(addressOf(x), addressOf(kernel), addressOf(out), geometry);
  return out;
}

/**
 * Gradient with respect to the input: a convolution of the output gradient with the kernel, rotated by 180°
 * and with inputs and outputs exchanged.
 *
 * @param dy Images × rows × columns × filters.
 * @param kernel Side × side × channels × filters; channels is a multiple of 8, filters of 4.
 * @param padding Of the convolution.
 * @returns Images × height × width × channels.
 */
export function gradientByInput(dy: tf.Tensor4D, kernel: tf.Tensor4D, padding: Padding): tf.Tensor4D {
  const [side, , channels, filters] = kernel.shape;
  const top = padding === "same" ? (side - 1) / 2 : side - 1;
  const geometry = measure(dy.shape, side, channels, top);
  const dx = emptyTensor<tf.Tensor4D>([geometry.images, geometry.rows, geometry.columns, channels]);
  withScratch(4 * kernel.size, (turned) => {
    kernels().turn(addressOf(kernel), turned, side, channels, filters);
    prepareAndRun(addressOf(dy), turned, addressOf(dx), geometry);
  });
  return dx;
}

/**
 * Gradient with respect to the kernel.
 *
 * @param x Images × height × width × channels.
 * @param dy Images × rows × columns × filters; filters is a multiple of 8.
 * @param side Of the kernel.
 * @param padding Of the convolution.
 * @returns Side × side × channels × filters.
 */
export function gradientByKernel(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  side: number,
  padding: Padding,
): tf.Tensor4D {
  const geometry = measure(x.shape, side, dy.shape[3], padding === "same" ? (side - 1) / 2 : 0);
  const gradient = emptyTensor<tf.Tensor4D>([side, side, geometry.channels, geometry.filters]);
  const add = isWinograd(geometry) ? addByTiles : addDirectly;
  add(addressOf(x), addressOf(dy), addressOf(gradient), geometry);
  return gradient;
}

function measure(shape: readonly number[], side: number, filters: number, top: number): Geometry {
  const [images, height, width, channels] = shape as [number, number, number, number];
  const rows = height + 2 * top - side + 1;
  return { images, height, width, channels, side, filters, top, rows, columns: width + 2 * top - side + 1 };
}

function isWinograd({ side, channels }: Pick<Shape, "side" | "channels">): boolean {
  return side === 3 && channels % 4 === 0;
}

/** Length of a prepared kernel, in numbers. */
function panelNumbers({ side, channels, filters }: Shape): number {
  return (isWinograd({ side, channels }) ? 36 : side * side) * channels * filters;
}

function prepare(kernel: Address, panels: Address, { side, channels, filters }: Shape): void {
  if (!isWinograd({ side, channels })) {
    kernels().toPanels(kernel, panels, side * side * channels, filters);
    return;
  }
  withScratch(LINE, (line) => kernels().transformKernel(kernel, panels, channels, filters, line));
}

function prepareAndRun(x: Address, kernel: Address, out: Address, geometry: Geometry): void {
  withScratch(4 * panelNumbers(geometry), (panels) => {
    prepare(kernel, panels, geometry);
    run(x, panels, out, geometry);
  });
}

function run(x: Address, panels: Address, out: Address, geometry: Geometry): void {
  if (isWinograd(geometry)) runByTiles(x, panels, out, geometry);
  else runDirectly(x, panels, out, geometry);
}

function runDirectly(x: Address, panels: Address, out: Address, geometry: Geometry): void {
  const { channels, side, filters, rows, columns } = geometry;
  forEachImage(x, geometry, (padded, image) => {
    const to = out + 4 * image * rows * columns * filters;
    kernels().convolve(padded, panels, to, columns + side - 1, channels, side, rows, columns, filters);
  });
}

function runByTiles(x: Address, panels: Address, out: Address, geometry: Geometry): void {
  const { images, height, width, channels, top, filters } = geometry;
  withScratch(kernels().scratchBytes(BLOCK, channels, filters), (scratch) => {
    kernels().convolve3(x, images, height, width, channels, top, panels, out, filters, BLOCK, scratch);
  });
}

function addDirectly(x: Address, dy: Address, gradient: Address, geometry: Geometry): void {
  const { channels, side, filters, rows, columns } = geometry;
  const run = side * channels;
  const depth = Math.ceil(run / 6) * 6;
  withZeros(4 * side * depth * filters, (sums) => {
    forEachImage(x, geometry, (padded, image) => {
      const from = dy + 4 * image * rows * columns * filters;
      const width = columns + side - 1;
      kernels().addKernelGradient(padded, from, sums, width, channels, side, rows, columns, filters);
    });
    for (let tap = 0; tap < side; tap++) {
      const from = floatsAt(sums + 4 * tap * depth * filters, run * filters);
      floatsAt(gradient + 4 * tap * run * filters, run * filters).set(from);
    }
  });
}

function addByTiles(x: Address, dy: Address, gradient: Address, geometry: Geometry): void {
  const { images, height, width, channels, top, filters } = geometry;
  withZeros(4 * 36 * Math.ceil(channels / 6) * 6 * filters, (sums) => {
    withScratch(kernels().scratchBytes(BLOCK, channels, filters), (scratch) => {
      kernels().addKernelGradient3(
        x,
        images,
        height,
        width,
        channels,
        top,
        dy,
        sums,
        filters,
        BLOCK,
        scratch,
      );
      kernels().finishKernelGradient3(sums, gradient, channels, filters, scratch);
    });
  });
}

/** Pads image by image, so that each is in the cache when it is used. */
function forEachImage(
  x: Address,
  { images, height, width, channels, side, top, rows, columns }: Geometry,
  use: (padded: Address, image: number) => void,
): void {
  const size = 4 * height * width * channels;
  const [paddedHeight, paddedWidth] = [rows + side - 1, columns + side - 1];
  // The inner loop for six columns may read up to five numbers past the end.
  withScratch(4 * paddedHeight * paddedWidth * channels + 64, (padded) => {
    for (let image = 0; image < images; image++) {
      kernels().pad(x + image * size, padded, height, width, channels, paddedHeight, paddedWidth, top);
      use(padded, image);
    }
  });
}
