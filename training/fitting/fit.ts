import type { DataSet } from "../datasets/data_set.ts";
import { ModelError } from "../../models/errors.ts";
import { correctPredictions, crossEntropy } from "../../models/logits.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { foldBatchNorm } from "./fold.ts";
import { initialNumbers, listParameters } from "./parameters.ts";
import { Random } from "../random.ts";
import type { Recipe } from "../recipes/recipe.ts";
import type { Moments } from "./operations.ts";
import { lookAhead, rateAt, sgdStep } from "./sgd.ts";
import type { TrainingTask } from "./training_task.ts";
import { MOMENT_SHARDS } from "./training_protocol.ts";
import type { Team } from "./team.ts";
import type { EpochRecord } from "./trained_model.ts";

/** Progress of a training. */
export interface Progress {
  /** The current epoch, or the one just finished; from 1. */
  readonly epoch: number;
  /** Total number of epochs. */
  readonly epochs: number;
  /** Finished share of the epoch, 0 to 1. */
  readonly share: number;
  /** Mean loss of this epoch so far, in nats. */
  readonly loss: number;
  /** Accuracy on the training images of this epoch so far, 0 to 1. */
  readonly accuracy: number;
  /** Training speed in this run. */
  readonly imagesPerSecond: number;
  /** Estimate for the rest of the training. */
  readonly secondsLeft: number;
  /** Only when the epoch is finished. */
  readonly record?: EpochRecord;
}

/** Progress, checkpoints and abort of a training. */
export interface FitOptions {
  /** Called after each step and after each epoch. */
  readonly onProgress?: (progress: Progress) => void;
  /** Saves the training; called every minute and after each epoch. */
  readonly save?: (checkpoint: Checkpoint) => Promise<void>;
  /** Aborts the training between two steps. */
  readonly signal?: AbortSignal;
}

/** Maximum time between two checkpoints. */
const SAVE_INTERVAL_MS = 60_000;

/**
 * Initialises the network.
 *
 * @param task What to train.
 * @returns The state before the first step.
 */
export function startFit({ layers, recipe, train, input }: TrainingTask): Checkpoint {
  return startFrom(initialNumbers(listParameters(layers, recipe), recipe, train, input));
}

/**
 * The state before the first step.
 *
 * @param parameters All parameters.
 */
export function startFrom(parameters: Float32Array): Checkpoint {
  return {
    step: 0,
    parameters,
    velocity: new Float32Array(parameters.length),
    average: parameters.slice(),
    lossSum: 0,
    correct: 0,
    history: [],
    seconds: 0,
  };
}

/**
 * Trains to the end.
 *
 * @param task What to train.
 * @param team The Workers.
 * @param from The state to continue from; its arrays are modified.
 * @param options Progress, checkpoints and abort.
 * @returns The state after the last step.
 * @throws {ModelError} `invalid`: the loss is not finite; `backend`. Or the signal's reason.
 */
export async function fit(
  task: TrainingTask,
  team: Team,
  from: Checkpoint,
  options: FitOptions = {},
): Promise<Checkpoint> {
  const run = new Run(task, team, options);
  let state = from;
  let savedAt = performance.now();
  while (state.step < run.steps) {
    options.signal?.throwIfAborted();
    const { history } = state;
    state = await run.step(state);
    const isEpochDone = state.history !== history;
    if (!isEpochDone && performance.now() - savedAt < SAVE_INTERVAL_MS) continue;
    await options.save?.(state);
    savedAt = performance.now();
  }
  return state;
}

/** One call of `fit`: what does not change from step to step. */
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
    const startedAt = performance.now();
    const { loss, correct } = await this.#update(before);
    const seconds = (performance.now() - startedAt) / 1000;
    this.#clock.count(seconds);
    const state = {
      ...before,
      step: before.step + 1,
      lossSum: before.lossSum + loss,
      correct: before.correct + correct,
      seconds: before.seconds + seconds,
    };
    const progress = this.#progress(state);
    this.#options.onProgress?.(progress);
    return progress.share === 1 ? await this.#endEpoch(state, progress) : state;
  }

  async #update(
    { step, parameters, velocity, average }: Checkpoint,
  ): Promise<{ loss: number; correct: number }> {
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

  #progress({ step, lossSum, correct }: Checkpoint): Progress {
    const { epochs, batch } = this.#task.recipe;
    const epoch = Math.ceil(step / this.#perEpoch);
    const done = step - (epoch - 1) * this.#perEpoch;
    const { imagesPerSecond } = this.#clock;
    return {
      epoch,
      epochs,
      share: done / this.#perEpoch,
      loss: lossSum / done,
      accuracy: correct / done / batch,
      imagesPerSecond,
      secondsLeft: (this.steps - step) * batch / imagesPerSecond,
    };
  }

  async #endEpoch(state: Checkpoint, progress: Progress): Promise<Checkpoint> {
    const startedAt = performance.now();
    const { epoch, loss, accuracy, imagesPerSecond } = progress;
    const learningRate = this.#rate(state.step - 1) * this.#task.recipe.optimiser.learningRate;
    const trained = { epoch, trainLoss: loss, trainAccuracy: accuracy, learningRate, imagesPerSecond };
    const record = { ...trained, ...await this.#validate(state.parameters) };
    this.#options.onProgress?.({ ...progress, record });
    const seconds = state.seconds + (performance.now() - startedAt) / 1000;
    return { ...state, lossSum: 0, correct: 0, history: [...state.history, record], seconds };
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
    `The training of ${name} diverged in epoch ${epoch}: its learning rate of ${optimiser.learningRate} is too high`,
  );
}

/**
 * Converts trained parameters to the form in which they are served: the batch normalisations, with moments
 * measured again over training images, and the scale of the logits are folded into the layers.
 *
 * @param task What was trained.
 * @param team The Workers.
 * @param numbers All parameters.
 * @returns Parameters in the order of the weights file.
 * @throws {ModelError} `backend`
 */
export async function finish(task: TrainingTask, team: Team, numbers: Float32Array): Promise<Float32Array> {
  const { recipe: { batchNorm, logitScale = 1 } } = task;
  const moments = batchNorm ? await momentsOf(task, team, numbers) : [];
  return foldBatchNorm(team.parameters, numbers, moments, logitScale);
}

/**
 * Measures the moments of the batch normalisations over training images.
 *
 * @param task What is trained.
 * @param team The Workers.
 * @param numbers All parameters.
 * @returns One per batch normalisation, first to last.
 * @throws {ModelError} `backend`
 */
export async function momentsOf(task: TrainingTask, team: Team, numbers: Float32Array): Promise<Moments[]> {
  const { recipe: { seed, shard }, train } = task;
  const shards = Math.min(MOMENT_SHARDS, Math.floor(train.count / shard));
  const indices = new Random(seed, -1).permutation(train.count).subarray(0, shards * shard);
  return await team.moments(numbers, indices);
}

/**
 * Measures the accuracy, 0 to 1.
 *
 * @param logits One row per image.
 * @param data The images.
 */
export function accuracyOf(logits: Float32Array, { count, labels }: DataSet): number {
  return correctPredictions(logits, labels) / count;
}
