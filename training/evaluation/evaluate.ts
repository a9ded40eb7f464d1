import { sleep } from "../../lib/sleep.ts";
import { defined } from "../../lib/defined.ts";
import type { Classifier } from "../../models/classifier.ts";
import { argmax, rowsOf } from "../../models/logits.ts";
import { type DataSet, imageAt } from "../datasets/data_set.ts";
import { encodePng } from "../../models/image/encode_png.ts";

/** An encoded image with its label. */
export interface LabelledImage {
  /** The encoded image. */
  readonly png: Uint8Array<ArrayBuffer>;
  /** Its class, as an index into the labels. */
  readonly label: number;
}

/** A measurement. */
export interface Evaluation {
  /** Title of the data. */
  readonly data: string;
  /** Number of images. */
  readonly images: number;
  /** Number of correct predictions. */
  readonly correct: number;
  /** 0 to 1. */
  readonly accuracy: number;
  /** Time for decoding and classifying, on one thread. */
  readonly seconds: number;
  /** The class of each image. */
  readonly labels: DataSet["labels"];
  /** One row per image, before temperature and softmax; zeros for an image that was refused. */
  readonly logits: Float32Array;
  /** Whether each image is unknown to the model; absent if it has no threshold for that. */
  readonly unknown?: readonly boolean[];
}

/** How many images of its own classes a model takes for none of them. */
export interface UnknownCount {
  /** Number of unknown images. */
  readonly images: number;
  /** How many of them the most probable class is correct for. */
  readonly correct: number;
}

/** Progress and abort of an evaluation. */
export interface EvaluateOptions {
  /** Receives the number of finished images, after each batch of them. */
  readonly onProgress?: (done: number, images: number) => void;
  /** Aborts between two batches. */
  readonly signal?: AbortSignal;
}

/** Number of images that are classified together when the time per image is measured. */
export const EVALUATION_BATCH = 32;

/**
 * Encodes the images of a data set one by one, as PNG.
 *
 * @param data Any data set.
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
 * @param classifier The classifier.
 * @param data The images; their labels are indices into the classifier's labels.
 * @param options Progress and abort.
 * @returns The measurement. An image that is refused counts as wrong.
 * @throws The signal's reason.
 */
export async function evaluate(
  classifier: Classifier,
  data: DataSet,
  { onProgress, signal }: EvaluateOptions = {},
): Promise<Evaluation> {
  const classes = classifier.manifest.labels.length;
  const logits = new Float32Array(data.count * classes);
  const unknown: boolean[] = [];
  const images = encodedImages(data);
  let milliseconds = 0;
  for (let start = 0; start < data.count; start += EVALUATION_BATCH) {
    const batch: Uint8Array[] = [];
    while (batch.length < Math.min(EVALUATION_BATCH, data.count - start)) {
      batch.push(images.next().value!.png);
    }
    const before = performance.now();
    const outcomes = classifier.logits(batch);
    milliseconds += performance.now() - before;
    outcomes.forEach((outcome, i) => {
      if (!outcome.ok) return;
      logits.set(outcome.logits, (start + i) * classes);
      if (outcome.unknown !== undefined) unknown[start + i] = outcome.unknown;
    });
    onProgress?.(start + batch.length, data.count);
    await sleep(0);
    signal?.throwIfAborted();
  }
  const judged = classifier.manifest.unknown === undefined ? {} : { unknown };
  return { ...measure(data, logits), ...judged, seconds: milliseconds / 1000 };
}

/**
 * Restricts a measurement to its first images.
 *
 * @param evaluation Of all images.
 * @param data The first images, with their title.
 * @returns With the time in proportion to the number of images.
 */
export function firstOf(evaluation: Evaluation, data: DataSet): Evaluation {
  const classes = evaluation.logits.length / evaluation.images;
  const seconds = evaluation.seconds * data.count / evaluation.images;
  return {
    ...measure(data, evaluation.logits.subarray(0, data.count * classes)),
    ...defined({ unknown: evaluation.unknown?.slice(0, data.count) }),
    seconds,
  };
}

/**
 * Counts the unknown images of a measurement.
 *
 * @param evaluation On images of the model's classes.
 * @returns undefined if the model has no threshold for that.
 */
export function countUnknown({ unknown, logits, labels }: Evaluation): UnknownCount | undefined {
  if (unknown === undefined) return undefined;
  const rows = rowsOf(logits, labels.length);
  const images = [...unknown.keys()].filter((i) => unknown[i]);
  return { images: images.length, correct: images.filter((i) => argmax(rows[i]!) === labels[i]).length };
}

function measure(data: DataSet, logits: Float32Array): Omit<Evaluation, "seconds"> {
  const { title, count, labels } = data;
  const correct =
    rowsOf(logits, count).filter((row, i) => row.some((logit) => logit !== 0) && argmax(row) === labels[i])
      .length;
  return { data: title, images: count, correct, accuracy: correct / count, labels, logits };
}
