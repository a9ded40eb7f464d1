/** Labelled images, decoded, all of one size. */
export interface DataSet {
  /** For people, e.g. `"Fashion-MNIST test"`. */
  readonly title: string;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Samples a pixel: 1 grey, 3 RGB. */
  readonly channels: 1 | 3;
  /** How many images. */
  readonly count: number;
  /** `count × height × width × channels` samples: image after image, rows from the top, the samples of a pixel together. */
  readonly pixels: Uint8Array;
  /** The class of each image, as an index into `classes`; 16 bits where there are more than 256 classes. */
  readonly labels: Uint8Array | Uint16Array;
  /** What each label means, for people. */
  readonly classes: readonly string[];
}

/** The part that is learnt from, or the part that is only measured on. */
export type Split = "train" | "test";

/**
 * Finds the samples of one image.
 *
 * @param data Any data set.
 * @param index From 0 to `count - 1`.
 * @returns A view of that image's `height × width × channels` samples.
 */
export function imageAt(data: DataSet, index: number): Uint8Array {
  const size = imageSize(data);
  return data.pixels.subarray(index * size, (index + 1) * size);
}

/**
 * Takes a range of images.
 *
 * @param data Any data set.
 * @param start The first image.
 * @param end The one after the last.
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
 * Takes some images, in any order; one may be taken several times.
 *
 * @param data Any data set.
 * @param indices Which ones, each from 0 to `count - 1`.
 * @returns Copies of their samples, in the order of `indices`.
 *
 * @example
 * ```ts
 * import { selectDataSet } from "./data_set.ts";
 * const pixels = Uint8Array.of(10, 20, 30);
 * const labels = Uint8Array.of(0, 1, 1);
 * const data = { title: "dots", width: 1, height: 1, channels: 1, count: 3, pixels, labels, classes: ["a", "b"] } as const;
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
 * Makes room for labels.
 *
 * @param count How many images.
 * @param classes How many classes.
 * @returns Zeros, of the smallest type that holds every label.
 */
export function labelArray(count: number, classes: number): Uint8Array | Uint16Array {
  return classes > 256 ? new Uint16Array(count) : new Uint8Array(count);
}

function imageSize({ width, height, channels }: DataSet): number {
  return width * height * channels;
}
