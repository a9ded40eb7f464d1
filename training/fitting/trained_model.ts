/**
 * What a training leaves behind, and what is measured of it.
 *
 * @module
 */
import { ModelError } from "../../models/errors.ts";
import type { Evaluation } from "../evaluation/evaluate.ts";
import type { TrainingTask } from "./shard.ts";

/** What was seen of one epoch. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Mean loss on the training images as they were varied, in nats. */
  readonly trainLoss: number;
  /** Share of right answers on them. */
  readonly trainAccuracy: number;
  /** Mean cross-entropy on the validation images, in nats; left out where there are none. */
  readonly validationLoss?: number;
  /** Share of right answers on the validation images. */
  readonly validationAccuracy?: number;
  /** At the end of the epoch. */
  readonly learningRate: number;
  /** Training speed. */
  readonly imagesPerSecond: number;
}

/** One training, done. */
export interface Training {
  /** Start of its random numbers. */
  readonly seed: number;
  /** Trained numbers, in the order and the form of the weights file. */
  readonly numbers: Float32Array;
  /** Calibrates the confidences. */
  readonly temperature: number;
  /** Share of right answers on the validation images; NaN where there are none. */
  readonly validationAccuracy: number;
  /** The epochs. */
  readonly history: readonly EpochRecord[];
  /** Time of the training. */
  readonly seconds: number;
}

/** A model that is trained but not yet a folder. */
export interface TrainedModel {
  /** How it was trained, and on what. */
  readonly task: TrainingTask;
  /** One for each seed. */
  readonly trainings: readonly Training[];
}

/** What was measured on the test images. */
export interface TestMeasures {
  /** The written model, first on all test images, then on whatever else is reported. */
  readonly evaluations: readonly Evaluation[];
  /** Share of right answers among all test images, for each training. */
  readonly accuracies: readonly number[];
  /** Likewise for the written model, with its weights as they were before rounding. */
  readonly unroundedAccuracy: number;
}

/**
 * Finds the training that is written.
 *
 * @param trainings At least one.
 * @returns The best on the validation images, the first of them if several are.
 * @throws {ModelError} `invalid` without trainings.
 */
export function bestTraining(trainings: readonly Training[]): Training {
  const [first, ...others] = trainings;
  if (first === undefined) throw new ModelError("invalid", "There must be at least one training");
  return others.reduce(
    (best, next) => next.validationAccuracy > best.validationAccuracy ? next : best,
    first,
  );
}
