import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import type { ShapedLayer } from "../layers.ts";
import type { InputSpec } from "../manifest.ts";
import { runLayers } from "../network.ts";
import { adamStep, learningRateAt } from "./adam.ts";
import { prepareBatch, UNCHANGED } from "./augment.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DataSet } from "../datasets/data_set.ts";
import { lossAndGradient } from "./loss.ts";
import { initialParameters, toTensors, withTensors } from "./parameters.ts";
import { Random } from "./random.ts";
import type { Recipe } from "./recipes.ts";

/** How far a training is. */
export interface Progress {
  /** The epoch under way, or just done; from 1. */
  readonly epoch: number;
  /** All epochs. */
  readonly epochs: number;
  /** Share of the epoch that is done, 0 to 1. */
  readonly share: number;
  /** Mean loss of this epoch so far, in nats. */
  readonly loss: number;
  /** Share of right answers on the validation images; only when the epoch is done. */
  readonly validationAccuracy?: number;
  /** Training speed in this epoch. */
  readonly imagesPerSecond: number;
  /** Estimate for the rest of the training. */
  readonly secondsLeft: number;
}

/** What a training works on. */
export interface FitTask {
  /** How. */
  readonly recipe: Recipe;
  /** The recipe's layers with their shapes. */
  readonly layers: readonly ShapedLayer[];
  /** Form of the images. */
  readonly input: InputSpec;
  /** What is learnt from. */
  readonly train: DataSet;
  /** What each epoch is measured on. */
  readonly validation: DataSet;
}

const PREDICT_BATCH = 250;
const STEPS_BETWEEN_REPORTS = 50;

/**
 * Makes the network as it is before any training.
 *
 * @param task What to work on.
 * @returns The state before the first epoch.
 */
export function startFit({ layers, recipe }: FitTask): Checkpoint {
  const parameters = initialParameters(layers, recipe.seed);
  const adam = { mean: new Float32Array(parameters.length), square: new Float32Array(parameters.length) };
  return { epoch: 0, parameters, adam, seconds: 0 };
}

/**
 * Trains one epoch further.
 *
 * @param task What to work on.
 * @param before The state to go on from; it is used up.
 * @param onProgress Is told every now and then, and at the end.
 * @param signal Ends the training between two steps.
 * @returns The state afterwards.
 * @throws The signal's reason.
 */
export async function fitEpoch(
  task: FitTask,
  before: Checkpoint,
  onProgress: (progress: Progress) => void,
  signal?: AbortSignal,
): Promise<Checkpoint> {
  const { recipe, train } = task;
  const random = new Random(recipe.seed, before.epoch);
  const order = random.permutation(train.count);
  const steps = Math.floor(train.count / recipe.batch);
  const start = performance.now();
  let lossSum = 0;
  const progress = (done: number): Progress => {
    const seconds = (performance.now() - start) / 1000;
    const left = (recipe.epochs - before.epoch) * steps - done;
    return {
      epoch: before.epoch + 1,
      epochs: recipe.epochs,
      share: done / steps,
      loss: lossSum / done,
      imagesPerSecond: done * recipe.batch / seconds,
      secondsLeft: left * seconds / done,
    };
  };
  for (let i = 0; i < steps; i++) {
    const indices = order.subarray(i * recipe.batch, (i + 1) * recipe.batch);
    lossSum += step(task, before, indices, before.epoch * steps + i, steps * recipe.epochs, random);
    if (i % STEPS_BETWEEN_REPORTS !== STEPS_BETWEEN_REPORTS - 1) continue;
    onProgress(progress(i + 1));
    // Steps are synchronous; only here can a signal or a timer get through.
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
  }
  const validationAccuracy = accuracyOf(predict(task, before.parameters, task.validation), task.validation);
  onProgress({ ...progress(steps), validationAccuracy });
  return { ...before, epoch: before.epoch + 1, seconds: before.seconds + (performance.now() - start) / 1000 };
}

/**
 * Runs images through the network as it stands.
 *
 * @param task What to work on.
 * @param parameters All trained numbers.
 * @param data Images to look at.
 * @returns Logits: one row of numbers for each image.
 */
export function predict({ layers, input }: FitTask, parameters: Float32Array, data: DataSet): Float32Array {
  const tensors = toTensors(layers, parameters);
  const loaded = withTensors(layers, tensors);
  const classes = layers.at(-1)!.output[0]!;
  const logits = new Float32Array(data.count * classes);
  for (let start = 0; start < data.count; start += PREDICT_BATCH) {
    const indices = Array.from({ length: Math.min(PREDICT_BATCH, data.count - start) }, (_, i) => start + i);
    const batch = prepareBatch(data, indices, input, UNCHANGED, new Random(0, 0));
    const shape: [number, number, number, number] = [
      indices.length,
      input.height,
      input.width,
      input.channels,
    ];
    tf.tidy(() => logits.set(runLayers(loaded, tf.tensor4d(batch, shape)).dataSync(), start * classes));
  }
  tf.dispose(tensors);
  return logits;
}

function step(
  { recipe, layers, input, train }: FitTask,
  { parameters, adam }: Checkpoint,
  indices: Uint32Array,
  number: number,
  total: number,
  random: Random,
): number {
  const batch = {
    input: prepareBatch(train, indices, input, recipe.augmentation, random),
    labels: Uint8Array.from(indices, (index) => train.labels[index]!),
  };
  const shape = [input.height, input.width, input.channels] as const;
  const { loss, gradient } = lossAndGradient(layers, shape, parameters, batch, recipe.labelSmoothing);
  const rate = learningRateAt(recipe.schedule, number, total);
  adamStep(parameters, gradient, adam, number, rate, recipe.schedule.weightDecay);
  return loss;
}

/**
 * Counts the right answers.
 *
 * @param logits One row for each image.
 * @param data The images.
 * @returns Share of rows whose largest number is at the label.
 */
export function accuracyOf(logits: Float32Array, { count, labels }: DataSet): number {
  const classes = logits.length / count;
  let right = 0;
  for (let i = 0; i < count; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    if (row.indexOf(row.reduce((a, b) => Math.max(a, b))) === labels[i]) right++;
  }
  return right / count;
}
