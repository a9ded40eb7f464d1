/**
 * Metrics of a classifier, from its logits. Nothing here depends on TensorFlow.js.
 *
 * @module
 */
import { ModelError } from "../../models/errors.ts";
import { argmax, rowsOf, softmax } from "../../models/logits.ts";

/** Logits of a classifier for labelled images. */
export interface LabelledLogits {
  /** `images × classes` numbers, one row per image. */
  readonly logits: Float32Array;
  /** The class of each image, as an index into the row. */
  readonly labels: Uint8Array | Uint16Array;
}

/** Metrics of one class. A share is `undefined` where it would be 0 / 0. */
export interface ClassMetrics {
  /** Number of images of this class. */
  readonly support: number;
  /** Number of predictions of this class. */
  readonly predicted: number;
  /** Share of `predicted` that is correct, 0 to 1; `undefined` if the class is never predicted. */
  readonly precision: number | undefined;
  /** Share of `support` that is classified correctly, 0 to 1; `undefined` if the class does not occur. */
  readonly recall: number | undefined;
  /**
   * Harmonic mean of precision and recall, 0 to 1; `undefined` if the class neither occurs nor is predicted.
   */
  readonly f1: number | undefined;
}

/** One kind of mistake. */
export interface Confusion {
  /** The true class. */
  readonly label: number;
  /** The predicted class. */
  readonly predicted: number;
  /** How often. */
  readonly times: number;
  /** Share of the images of the true class, 0 to 1. */
  readonly share: number;
}

/**
 * Turns logits into probabilities.
 *
 * @param measured Logits and labels.
 * @param classes Number of classes.
 * @param temperature Divides the logits (> 0): a higher one makes the confidences more alike.
 * @returns One row per image, which adds up to 1.
 * @throws {ModelError} `invalid`: as {@linkcode checkLogits}, or a temperature that is not above 0.
 */
export function probabilitiesOf(
  measured: LabelledLogits,
  classes: number,
  temperature: number,
): Float64Array[] {
  checkLogits(measured, classes);
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new ModelError("invalid", `The temperature is ${temperature}; it must be a finite number above 0`);
  }
  return rowsOf(measured.logits, measured.labels.length).map((row) => softmax(row, temperature));
}

/**
 * Computes the confusion matrix.
 *
 * @param measured Logits and labels.
 * @param classes Number of classes.
 * @returns `classes × classes` counts: row the true class, column the predicted one.
 * @throws {ModelError} `invalid`: not one row of logits per label, or a label that is not a class.
 */
export function confusionMatrix({ logits, labels }: LabelledLogits, classes: number): Uint32Array {
  checkLogits({ logits, labels }, classes);
  const counts = new Uint32Array(classes * classes);
  rowsOf(logits, labels.length).forEach((row, i) => counts[labels[i]! * classes + argmax(row)]!++);
  return counts;
}

/**
 * Checks that there is one row of finite logits per label, and that each label is a class.
 *
 * @param measured Logits and labels.
 * @param classes Number of classes.
 * @throws {ModelError} `invalid`: what does not fit.
 */
export function checkLogits({ logits, labels }: LabelledLogits, classes: number): void {
  if (labels.length === 0) throw new ModelError("invalid", "There are no images to measure on");
  if (logits.length !== labels.length * classes) {
    throw new ModelError(
      "invalid",
      `There are ${logits.length} logits for ${labels.length} images; there must be ${classes} per image`,
    );
  }
  const broken = logits.findIndex((logit) => !Number.isFinite(logit));
  if (broken !== -1) {
    throw new ModelError("invalid", `Logit ${broken} is ${logits[broken]}; all must be finite numbers`);
  }
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong !== -1) {
    throw new ModelError(
      "invalid",
      `Label ${wrong} is ${labels[wrong]}; it must be from 0 to ${classes - 1}`,
    );
  }
}

/**
 * Measures each class.
 *
 * @param counts From {@linkcode confusionMatrix}.
 * @param classes Number of classes.
 * @returns One element per class, in order.
 */
export function classMetrics(counts: Uint32Array, classes: number): ClassMetrics[] {
  const support = new Array<number>(classes).fill(0);
  const predicted = new Array<number>(classes).fill(0);
  counts.forEach((times, i) => {
    support[Math.floor(i / classes)]! += times;
    predicted[i % classes]! += times;
  });
  return support.map((images, c) => {
    const correct = counts[c * classes + c]!;
    return {
      support: images,
      predicted: predicted[c]!,
      precision: share(correct, predicted[c]!),
      recall: share(correct, images),
      f1: share(2 * correct, images + predicted[c]!),
    };
  });
}

/**
 * Lists the mistakes, the most frequent first.
 *
 * @param counts From {@linkcode confusionMatrix}.
 * @param classes Number of classes.
 * @param max Maximum length of the list.
 * @returns Mistakes that occur; among equals the one of the lower class is first.
 */
export function topConfusions(counts: Uint32Array, classes: number, max: number): Confusion[] {
  const metrics = classMetrics(counts, classes);
  const mistakes: Confusion[] = [];
  counts.forEach((times, i) => {
    const label = Math.floor(i / classes);
    const predicted = i % classes;
    if (times === 0 || label === predicted) return;
    mistakes.push({ label, predicted, times, share: times / metrics[label]!.support });
  });
  return mistakes.sort((a, b) => b.times - a.times).slice(0, max);
}

function share(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole;
}
