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

/** One finished training. */
export interface Training {
  /** Of its random numbers. */
  readonly seed: number;
  /** Parameters, in the order and the form of the weights file. */
  readonly numbers: Float32Array;
  /** Calibrates the confidences. */
  readonly temperature: number;
  /** How the model recognises images that show none of its classes. @default it does not */
  readonly unknown?: EnergyScore;
  /** Accuracy on the validation images, 0 to 1; NaN if there are none. */
  readonly validationAccuracy: number;
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
  /** The command line, for the card. @default {none} */
  readonly command?: string;
}

/** Measurements on the test images. */
export interface TestMeasures {
  /** Of the written model: first on all test images, then on the other reported tests. */
  readonly evaluations: readonly Evaluation[];
  /** Test accuracy of each training, 0 to 1. */
  readonly accuracies: readonly number[];
  /** Test accuracy of the written model before its weights were rounded, 0 to 1. */
  readonly unroundedAccuracy: number;
}

/**
 * Selects the training whose weights are written.
 *
 * @param trainings At least one.
 * @returns The one with the highest validation accuracy, the first of several.
 * @throws {ModelError} `invalid` without trainings.
 */
export function bestTraining(trainings: readonly Training[]): Training {
  const [first, ...others] = trainings;
  if (first === undefined) {
    throw new ModelError("invalid", "Cannot select a training: there is none; expected at least one");
  }
  return others.reduce(
    (best, next) => next.validationAccuracy > best.validationAccuracy ? next : best,
    first,
  );
}
