import type { DataSet } from "../datasets/data_set.ts";
import { ModelError } from "../../models/errors.ts";
import { argmax, crossEntropy, rowsOf } from "../../models/logits.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { foldBatchNorm } from "./fold.ts";
import { initialNumbers, listParameters } from "./parameters.ts";
import { Random } from "../random.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { lookAhead, rateAt, sgdStep } from "./sgd.ts";
import type { TrainingTask } from "./shard.ts";
import { MOMENT_SHARDS } from "./training_protocol.ts";
import type { Team } from "./team.ts";
import type { EpochRecord } from "./trained_model.ts";

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
  const run = new Run(task, team, options);
  let state = from;
  let keptAt = performance.now();
  while (state.step < run.steps) {
    options.signal?.throwIfAborted();
    const { history } = state;
    state = await run.step(state);
    const isEpochDone = state.history !== history;
    if (!isEpochDone && performance.now() - keptAt < KEEP_EVERY_MS) continue;
    await options.keep?.(state);
    keptAt = performance.now();
  }
  return state;
}

/** One call of `fit`: what stays the same from step to step. */
class Run {
  readonly steps: number;
  readonly #task: TrainingTask;
  readonly #team: Team;
  readonly #options: FitOptions;
  readonly #perEpoch: number;
  readonly #clock: Clock;
  #gradient = new Float32Array(0);
  #order = { epoch: -1, indices: new Uint32Array(0) };

  constructor(task: TrainingTask, team: Team, options: FitOptions) {
    this.#task = task;
    this.#team = team;
    this.#options = options;
    this.#perEpoch = Math.floor(task.train.count / task.recipe.batch);
    this.#clock = new Clock(task.recipe.batch);
    this.steps = this.#perEpoch * task.recipe.epochs;
  }

  async step(before: Checkpoint): Promise<Checkpoint> {
    const begun = performance.now();
    const { loss, right } = await this.#learn(before);
    const seconds = (performance.now() - begun) / 1000;
    this.#clock.count(seconds);
    const state = {
      ...before,
      step: before.step + 1,
      lossSum: before.lossSum + loss,
      right: before.right + right,
      seconds: before.seconds + seconds,
    };
    const progress = this.#progress(state);
    this.#options.onProgress?.(progress);
    return progress.share === 1 ? await this.#endEpoch(state, progress) : state;
  }

  async #learn(
    { step, parameters, velocity, average }: Checkpoint,
  ): Promise<{ loss: number; right: number }> {
    const { recipe } = this.#task;
    const epoch = Math.floor(step / this.#perEpoch);
    if (this.#gradient.length !== parameters.length) this.#gradient = new Float32Array(parameters.length);
    const seen = step * recipe.batch;
    const report = await this.#team.gradient(
      parameters,
      this.#images(step, epoch),
      epoch,
      seen,
      this.#gradient,
    );
    if (!Number.isFinite(report.loss)) throw diverged(recipe, epoch + 1);
    sgdStep(recipe.optimiser, this.#team.parameters, parameters, velocity, this.#gradient, this.#rate(step));
    if (recipe.lookahead !== undefined) {
      lookAhead(recipe.lookahead, parameters, average, step + 1, this.steps);
    }
    return report;
  }

  #rate(step: number): number {
    return rateAt(this.#task.recipe.optimiser, step, this.steps);
  }

  #images(step: number, epoch: number): Uint32Array {
    const { recipe: { seed, batch }, train } = this.#task;
    if (this.#order.epoch !== epoch) {
      this.#order = { epoch, indices: new Random(seed, epoch).permutation(train.count) };
    }
    const first = (step - epoch * this.#perEpoch) * batch;
    return this.#order.indices.subarray(first, first + batch);
  }

  #progress({ step, lossSum, right }: Checkpoint): Progress {
    const { epochs, batch } = this.#task.recipe;
    const epoch = Math.ceil(step / this.#perEpoch);
    const done = step - (epoch - 1) * this.#perEpoch;
    const { imagesPerSecond } = this.#clock;
    return {
      epoch,
      epochs,
      share: done / this.#perEpoch,
      loss: lossSum / done,
      accuracy: right / done / batch,
      imagesPerSecond,
      secondsLeft: (this.steps - step) * batch / imagesPerSecond,
    };
  }

  async #endEpoch(state: Checkpoint, progress: Progress): Promise<Checkpoint> {
    const begun = performance.now();
    const { epoch, loss, accuracy, imagesPerSecond } = progress;
    const learningRate = this.#rate(state.step - 1) * this.#task.recipe.optimiser.learningRate;
    const trained = { epoch, trainLoss: loss, trainAccuracy: accuracy, learningRate, imagesPerSecond };
    const record = { ...trained, ...await this.#validate(state.parameters) };
    this.#options.onProgress?.({ ...progress, record });
    const seconds = state.seconds + (performance.now() - begun) / 1000;
    return { ...state, lossSum: 0, right: 0, history: [...state.history, record], seconds };
  }

  async #validate(
    numbers: Float32Array,
  ): Promise<Pick<EpochRecord, "validationLoss" | "validationAccuracy">> {
    const { validation } = this.#task;
    if (validation.count === 0) return {};
    const logits = await this.#team.predict(await finish(this.#task, this.#team, numbers));
    return {
      validationLoss: crossEntropy(logits, validation.labels, 1),
      validationAccuracy: accuracyOf(logits, validation),
    };
  }
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

function diverged({ name, optimiser }: Recipe, epoch: number): ModelError {
  return new ModelError(
    "invalid",
    `The training of ${name} came to no finite loss in epoch ${epoch}: its learning rate, ${optimiser.learningRate}, is too high`,
  );
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
 * Measures the accuracy.
 *
 * @param logits One row per image.
 * @param data The images.
 * @returns 0 to 1: how many images have their largest logit at the label.
 */
export function accuracyOf(logits: Float32Array, { count, labels }: DataSet): number {
  return rowsOf(logits, count).filter((row, i) => argmax(row) === labels[i]).length / count;
}
