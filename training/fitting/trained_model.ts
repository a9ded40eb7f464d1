/**
 * Results of a training, and their measurements.
 *
 * @module
 */
import { ModelError } from "../../models/errors.ts";
import type { EnergyScore } from "../../models/manifest.ts";
import type { Evaluation } from "../evaluation/evaluate.ts";
import type { TrainingTask } from "./training_task.ts";

/** Measurements of one epoch. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Mean loss on the augmented training images, in nats. */
  readonly trainLoss: number;
  /** Accuracy on the augmented training images, 0 to 1. */
  readonly trainAccuracy: number;
  /** Mean cross-entropy on the validation images, in nats; missing if there are none. */
  readonly validationLoss?: number;
  /** Accuracy on the validation images, 0 to 1; missing if there are none. */
  readonly validationAccuracy?: number;
  /** At the end of the epoch. */
  readonly learningRate: number;
  /** Training speed. */
  readonly imagesPerSecond: number;
}

/** Weights that can be served. */
export interface TrainedWeights {
  /** Parameters, in the order and the form of the weights file. */
  readonly numbers: Float32Array;
  /** Calibrates the confidences. */
  readonly temperature: number;
  /** How the model recognises images that show none of its classes. @default it does not */
  readonly unknown?: EnergyScore;
  /** Accuracy on the validation images, 0 to 1; NaN if there are none. */
  readonly validationAccuracy: number;
  /** Mean cross-entropy of the calibrated confidences on the validation images, in nats; NaN if there are none. */
  readonly validationLoss: number;
}

/** One finished training. */
export interface Training extends TrainedWeights {
  /** Of its random numbers. */
  readonly seed: number;
  /** All epochs. */
  readonly history: readonly EpochRecord[];
  /** Training time. */
  readonly seconds: number;
}

/** A trained model that has not been written to a folder. */
export interface TrainedModel {
  /** How it was trained, and on which images. */
  readonly task: TrainingTask;
  /** One per seed. */
  readonly trainings: readonly Training[];
  /** The mean of their weights, where all began with the same ones. @default {none} */
  readonly average?: TrainedWeights;
  /** The command line, for the card. @default {none} */
  readonly command?: string;
}

/** Measurements on the test images. */
export interface TestMeasures {
  /** Of the written model: first on all test images, then on the other reported tests. */
  readonly evaluations: readonly Evaluation[];
  /** Test accuracy of each training, 0 to 1. */
  readonly accuracies: readonly number[];
  /** Test accuracy of the mean of their weights, if there is one, 0 to 1. */
  readonly averageAccuracy?: number;
  /** Test accuracy of the written model before its weights were rounded, 0 to 1. */
  readonly unroundedAccuracy: number;
}

/**
 * Selects the weights that are written, by the validation loss: accuracies of seeds differ by a few images, which is
 * chance.
 *
 * @param model With at least one training.
 * @returns Those with the lowest loss. Of several the mean, else the first.
 * @throws {ModelError} `invalid` without trainings.
 */
export function bestWeights(
  { trainings, average }: Pick<TrainedModel, "trainings" | "average">,
): TrainedWeights {
  const [first, ...others] = average === undefined ? trainings : [average, ...trainings];
  if (first === undefined) {
    throw new ModelError("invalid", "Cannot select a training: there is none; expected at least one");
  }
  return others.reduce(
    (best, next) => next.validationLoss < best.validationLoss ? next : best,
    first as TrainedWeights,
  );
}
