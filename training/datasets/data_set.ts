/** The form of an image. */
export interface ImageForm {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Samples per pixel: 1 grey, 3 RGB. */
  readonly channels: 1 | 3;
}

/** Labelled, decoded images, all of the same form. */
export interface DataSet extends ImageForm {
  /** Human-readable, e.g. `"Fashion-MNIST test"`. */
  readonly title: string;
  /** Number of images. */
  readonly count: number;
  /** `count × height × width × channels` samples. */
  readonly pixels: Uint8Array;
  /** The class of each image, as an index into `classes`; 16 bits for more than 256 classes. */
  readonly labels: Uint8Array | Uint16Array;
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** Lines on files that were left out because they cannot be read as images. */
  readonly leftOut?: readonly string[];
}

/** Called after each file of an image folder that was read. */
export type OnRead = (done: number, total: number) => void;

/** Training or test images. */
export type Split = "train" | "test";

/**
 * The samples of one image.
 *
 * @param data Any data set.
 * @param index From 0 to `count - 1`.
 * @returns A view of `height × width × channels` samples.
 */
export function imageAt(data: DataSet, index: number): Uint8Array {
  const size = imageSize(data);
  return data.pixels.subarray(index * size, (index + 1) * size);
}

/**
 * Selects a range of images.
 *
 * @param data Any data set.
 * @param start Index of the first image.
 * @param end Index after the last image.
 * @returns Views of the same samples.
 */
export function sliceDataSet(data: DataSet, start: number, end: number): DataSet {
  const size = imageSize(data);
  return {
    ...data,
    count: end - start,
    pixels: data.pixels.subarray(start * size, end * size),
    labels: data.labels.subarray(start, end),
  };
}

/**
 * Selects images, in any order and any number of times.
 *
 * @param data Any data set.
 * @param indices Each from 0 to `count - 1`.
 * @returns Copies of their samples, in the order of `indices`.
 *
 * @example
 * ```ts
 * import { selectDataSet } from "./data_set.ts";
 * const pixels = Uint8Array.of(10, 20, 30);
 * const labels = Uint8Array.of(0, 1, 1);
 * const form = { width: 1, height: 1, channels: 1 } as const;
 * const data = { ...form, title: "dots", count: 3, pixels, labels, classes: ["a", "b"] };
 * console.log(selectDataSet(data, Uint32Array.of(2, 0)).pixels); // Uint8Array [ 30, 10 ]
 * ```
 */
export function selectDataSet(data: DataSet, indices: Uint32Array): DataSet {
  const size = imageSize(data);
  const pixels = new Uint8Array(indices.length * size);
  const labels = labelArray(indices.length, data.classes.length);
  indices.forEach((index, i) => {
    pixels.set(imageAt(data, index), i * size);
    labels[i] = data.labels[index]!;
  });
  return { ...data, count: indices.length, pixels, labels };
}

/**
 * Appends images to a data set.
 *
 * @param data Any data set; it gives the title.
 * @param more Images of the same form and the same classes.
 * @returns Copies of all images.
 */
export function appendDataSet(data: DataSet, more: DataSet): DataSet {
  const count = data.count + more.count;
  const pixels = new Uint8Array(data.pixels.length + more.pixels.length);
  pixels.set(data.pixels);
  pixels.set(more.pixels, data.pixels.length);
  const labels = labelArray(count, data.classes.length);
  labels.set(data.labels);
  labels.set(more.labels, data.count);
  return { ...data, count, pixels, labels };
}

/**
 * Repeats all images of a data set.
 *
 * @param data Any data set.
 * @param times How often each image then occurs, at least 1.
 * @returns Copies of all images.
 */
export function repeatDataSet(data: DataSet, times: number): DataSet {
  return selectDataSet(data, Uint32Array.from({ length: times * data.count }, (_, i) => i % data.count));
}

/**
 * Allocates labels.
 *
 * @param count Number of images.
 * @param classes Number of classes.
 * @returns Zeros, of the smallest type that can hold every label.
 */
export function labelArray(count: number, classes: number): Uint8Array | Uint16Array {
  return classes > 256 ? new Uint16Array(count) : new Uint8Array(count);
}

function imageSize({ width, height, channels }: ImageForm): number {
  return width * height * channels;
}
