import type { DataSet } from "../datasets/data_set.ts";
import { ModelError } from "../errors.ts";
import { crossEntropy } from "./calibrate.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { foldBatchNorm } from "./fold.ts";
import { initialNumbers, listParameters } from "./parameters.ts";
import { Random } from "./random.ts";
import type { Recipe } from "./recipe.ts";
import { lookAhead, rateAt, sgdStep } from "./sgd.ts";
import type { TrainingTask } from "./shard.ts";
import { MOMENT_SHARDS } from "./team.ts";
import type { Team } from "./team.ts";

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
  /** Share of right answers of this epoch so far. */
  readonly accuracy: number;
  /** Training speed in this epoch. */
  readonly imagesPerSecond: number;
  /** Estimate for the rest of the training. */
  readonly secondsLeft: number;
  /** Only when the epoch is done. */
  readonly record?: EpochRecord;
}

/** What happens along the way. */
export interface FitOptions {
  /** Is told after each step, and after each epoch. */
  readonly onProgress?: (progress: Progress) => void;
  /** Keeps the training, now and then and after each epoch. */
  readonly keep?: (checkpoint: Checkpoint) => Promise<void>;
  /** Ends the training between two steps. */
  readonly signal?: AbortSignal;
}

/** A training is kept at least so often. */
const KEEP_EVERY_MS = 60_000;

/**
 * Makes the network as it is before any training.
 *
 * @param task What to work on.
 * @returns The state before the first step.
 */
export function startFit({ layers, recipe, train, input }: TrainingTask): Checkpoint {
  const parameters = initialNumbers(listParameters(layers, recipe), recipe, train, input);
  return {
    step: 0,
    parameters,
    velocity: new Float32Array(parameters.length),
    average: parameters.slice(),
    lossSum: 0,
    right: 0,
    history: [],
    seconds: 0,
  };
}

/**
 * Counts the steps of an epoch; images that don't fill a last batch wait for another epoch.
 *
 * @param task What to work on.
 * @returns At least 1.
 */
export function stepsPerEpoch({ train, recipe }: TrainingTask): number {
  return Math.floor(train.count / recipe.batch);
}

/**
 * Trains to the end.
 *
 * @param task What to work on.
 * @param team Who does.
 * @param from The state to go on from; its arrays are used up.
 * @param options What happens along the way.
 * @returns The state after the last step.
 * @throws {ModelError} `invalid`: the loss is no longer a number; `backend`. Or the signal's reason.
 */
export async function fit(
  task: TrainingTask,
  team: Team,
  from: Checkpoint,
  options: FitOptions = {},
): Promise<Checkpoint> {
  const { recipe, train } = task;
  const perEpoch = stepsPerEpoch(task);
  const total = perEpoch * recipe.epochs;
  const gradient = new Float32Array(from.parameters.length);
  let state = from;
  let order: { epoch: number; indices: Uint32Array } | undefined;
  let keptAt = performance.now();
  const clock = new Clock(recipe.batch);
  while (state.step < total) {
    options.signal?.throwIfAborted();
    const { step, parameters, velocity, average } = state;
    const epoch = Math.floor(step / perEpoch);
    if (order?.epoch !== epoch) {
      order = { epoch, indices: new Random(recipe.seed, epoch).permutation(train.count) };
    }
    const first = (step - epoch * perEpoch) * recipe.batch;
    const indices = order.indices.subarray(first, first + recipe.batch);
    const begun = performance.now();
    const { loss, right } = await team.gradient(parameters, indices, epoch, step * recipe.batch, gradient);
    if (!Number.isFinite(loss)) throw diverged(recipe, epoch + 1);
    const rate = rateAt(recipe.optimiser, step, total);
    sgdStep(recipe.optimiser, team.parameters, parameters, velocity, gradient, rate);
    if (recipe.lookahead !== undefined) lookAhead(recipe.lookahead, parameters, average, step + 1, total);
    const seconds = (performance.now() - begun) / 1000;
    clock.count(seconds);
    state = {
      ...state,
      step: step + 1,
      lossSum: state.lossSum + loss,
      right: state.right + right,
      seconds: state.seconds + seconds,
    };
    const done = state.step - epoch * perEpoch;
    const progress: Progress = {
      epoch: epoch + 1,
      epochs: recipe.epochs,
      share: done / perEpoch,
      loss: state.lossSum / done,
      accuracy: state.right / done / recipe.batch,
      imagesPerSecond: clock.imagesPerSecond,
      secondsLeft: (total - state.step) * recipe.batch / clock.imagesPerSecond,
    };
    options.onProgress?.(progress);
    if (done === perEpoch) {
      state = await endEpoch(task, team, state, progress, rate * recipe.optimiser.learningRate);
      options.onProgress?.({ ...progress, record: state.history.at(-1)! });
    }
    if (done !== perEpoch && performance.now() - keptAt < KEEP_EVERY_MS) continue;
    await options.keep?.(state);
    keptAt = performance.now();
  }
  return state;
}

function diverged({ name, optimiser }: Recipe, epoch: number): ModelError {
  return new ModelError(
    "invalid",
    `The training of ${name} came to no finite loss in epoch ${epoch}: its learning rate, ${optimiser.learningRate}, is too high`,
  );
}

/** Speed over the steps of this run. */
class Clock {
  readonly #batch: number;
  #steps = 0;
  #seconds = 0;

  constructor(batch: number) {
    this.#batch = batch;
  }

  get imagesPerSecond(): number {
    return this.#steps * this.#batch / this.#seconds;
  }

  count(seconds: number): void {
    this.#steps++;
    this.#seconds += seconds;
  }
}

async function endEpoch(
  task: TrainingTask,
  team: Team,
  state: Checkpoint,
  { epoch, loss, accuracy, imagesPerSecond }: Progress,
  learningRate: number,
): Promise<Checkpoint> {
  const begun = performance.now();
  const record = { epoch, trainLoss: loss, trainAccuracy: accuracy, learningRate, imagesPerSecond };
  const seen = task.validation.count === 0 ? {} : await validate(task, team, state.parameters);
  return {
    ...state,
    lossSum: 0,
    right: 0,
    history: [...state.history, { ...record, ...seen }],
    seconds: state.seconds + (performance.now() - begun) / 1000,
  };
}

async function validate(task: TrainingTask, team: Team, numbers: Float32Array) {
  const logits = await team.predict(await finish(task, team, numbers));
  return {
    validationLoss: crossEntropy(logits, task.validation.labels, 1),
    validationAccuracy: accuracyOf(logits, task.validation),
  };
}

/**
 * Brings trained numbers into the form in which they are served: the batch normalisations, with moments measured anew over
 * training images, and the scale of the logits become part of the layers.
 *
 * @param task What was worked on.
 * @param team Who did.
 * @param numbers All trained numbers.
 * @returns Numbers in the order of the weights file.
 * @throws {ModelError} `backend`
 */
export async function finish(task: TrainingTask, team: Team, numbers: Float32Array): Promise<Float32Array> {
  const { recipe, train } = task;
  if (!recipe.batchNorm) return foldBatchNorm(team.parameters, numbers, [], recipe.logitScale ?? 1);
  const shards = Math.min(MOMENT_SHARDS, Math.floor(train.count / recipe.shard));
  const indices = new Random(recipe.seed, -1).permutation(train.count).subarray(0, shards * recipe.shard);
  const moments = await team.moments(numbers, indices);
  return foldBatchNorm(team.parameters, numbers, moments, recipe.logitScale ?? 1);
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
