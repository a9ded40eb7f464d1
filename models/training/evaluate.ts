import type { Classifier } from "../classifier.ts";
import { encodePng } from "../image/encode_png.ts";
import { imageAt } from "../datasets/data_set.ts";
import type { DataSet } from "../datasets/data_set.ts";

/** An image as it is sent over the bus, with the right answer. */
export interface LabelledImage {
  /** The encoded image. */
  readonly png: Uint8Array<ArrayBuffer>;
  /** Its class, as an index into the labels. */
  readonly label: number;
}

/** What was measured. */
export interface Evaluation {
  /** The data, for people. */
  readonly data: string;
  /** How many images. */
  readonly images: number;
  /** How many right answers. */
  readonly correct: number;
  /** Share of right answers, 0 to 1. */
  readonly accuracy: number;
  /** Time spent on decoding and classifying. */
  readonly seconds: number;
  /** How often each class (row) was taken for each class (column). */
  readonly confusion: readonly (readonly number[])[];
}

/** Can be left out, all of it. */
export interface EvaluateOptions {
  /** Is told how many images are done. */
  readonly onProgress?: (done: number, images: number) => void;
  /** Ends the evaluation between two batches. */
  readonly signal?: AbortSignal;
}

const BATCH = 64;

/**
 * Encodes the images of a data set one by one, as whoever sends them over the bus does.
 *
 * @param data Any data set.
 * @returns The images in order, as PNG without loss.
 */
export function* encodedImages(data: DataSet): Generator<LabelledImage, undefined> {
  const { width, height, channels } = data;
  for (let i = 0; i < data.count; i++) {
    yield { png: encodePng({ width, height, channels, data: imageAt(data, i) }), label: data.labels[i]! };
  }
}

/**
 * Measures a classifier on every image of a data set, encoded as PNG.
 *
 * @param classifier What to measure.
 * @param data What to measure it on; its labels are indices into the classifier's labels.
 * @param options Progress and abortion.
 * @returns The measurement. An image that is refused counts as wrong, in no column.
 * @throws The signal's reason.
 */
export async function evaluate(
  classifier: Classifier,
  data: DataSet,
  { onProgress, signal }: EvaluateOptions = {},
): Promise<Evaluation> {
  const classes = classifier.manifest.labels.length;
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const images = [...encodedImages(data)];
  let milliseconds = 0;
  for (let start = 0; start < images.length; start += BATCH) {
    const batch = images.slice(start, start + BATCH);
    const before = performance.now();
    const outcomes = classifier.classify(batch.map(({ png }) => png));
    milliseconds += performance.now() - before;
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.ok) confusion[batch[i]!.label]![outcome.top[0].index]!++;
    }
    onProgress?.(start + batch.length, images.length);
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
  }
  const correct = confusion.reduce((sum, row, i) => sum + row[i]!, 0);
  const accuracy = correct / data.count;
  return { data: data.title, images: data.count, correct, accuracy, seconds: milliseconds / 1000, confusion };
}
