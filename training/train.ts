import type { DataSet } from "./datasets/data_set.ts";
import { createDirectory } from "../models/model_folder.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { fitTemperature } from "./evaluation/calibrate.ts";
import { readCheckpoint, writeCheckpoint } from "./fitting/checkpoint.ts";
import type { Checkpoint } from "./fitting/checkpoint.ts";
import { accuracyOf, finish, fit, startFit } from "./fitting/fit.ts";
import type { Progress } from "./fitting/fit.ts";
import type { Recipe } from "./recipes/recipe.ts";
import type { TrainingTask } from "./fitting/shard.ts";
import { prepareTask, readTrainingData } from "./fitting/task.ts";
import { Team } from "./fitting/team.ts";
import type { Training } from "./fitting/trained_model.ts";
import { writeModel } from "./write_model.ts";
import type { WrittenModel } from "./write_model.ts";

/** What to train, from what, to where. */
export interface TrainOptions {
  /** How; its name is the model's. */
  readonly recipe: Recipe;
  /** Directory of the data sets. @default {IMAGEBUS_DATA, else ./data} */
  readonly data?: string | URL;
  /** The directory in which the model's folder is made. */
  readonly out: URL;
  /** How many trainings, with seeds from the recipe's on; the best on the validation images is written. @default {1} */
  readonly seeds?: number;
  /** Workers that share the work; the result does not depend on it. @default {the number of cores} */
  readonly workers?: number;
  /** Whether a training of the same recipe that was broken off is taken up. @default {true} */
  readonly resume?: boolean;
  /** Is told after each step. */
  readonly onProgress?: (seed: number, progress: Progress) => void;
  /** Ends the training between two steps; what was done is kept. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a model by a recipe and writes its folder. The state is kept beside it after each epoch and each minute, so that a
 * training that was broken off goes on where it was; with the same seed it gives the same weights, to the bit.
 *
 * @param options What to train.
 * @returns What was written and measured.
 * @throws {ModelError} `invalid`: the recipe does not fit the data; `not_found`, `damaged`: the data; `denied`,
 * `unavailable`: the folder can't be written; `backend`. Or the signal's reason.
 */
export async function train(options: TrainOptions): Promise<WrittenModel> {
  const { recipe, out, seeds = 1 } = options;
  const all = await readTrainingData(recipe.data, "train", options.data, recipe.form);
  const tests = await readTests(recipe, options.data);
  const kept = new URL(`.${recipe.name}.training/`, out);
  await createDirectory(kept);
  const trainings: Training[] = [];
  for (let i = 0; i < seeds; i++) {
    const task = prepareTask({ ...recipe, seed: recipe.seed + i }, all);
    trainings.push(await trainOnce(task, kept, options));
  }
  const written = await writeModel(out, { task: prepareTask(recipe, all), trainings }, tests, options.signal);
  await Deno.remove(kept, { recursive: true });
  return written;
}

async function readTests(recipe: Recipe, from?: string | URL): Promise<[DataSet, ...DataSet[]]> {
  const first = await readTrainingData(recipe.data, "test", from, recipe.form);
  const others: DataSet[] = [];
  for (const name of recipe.otherTests ?? []) others.push(await readTrainingData(name, "test", from));
  return [first, ...others];
}

async function trainOnce(task: TrainingTask, folder: URL, options: TrainOptions): Promise<Training> {
  const { recipe } = task;
  const file = new URL(`seed-${recipe.seed}.checkpoint`, folder);
  const kept = options.resume === false ? undefined : await readCheckpoint(file, recipe);
  await using team = await Team.start(
    task,
    options.workers ?? navigator.hardwareConcurrency,
    await loadWasmBinary(),
  );
  const state = await fit(task, team, kept ?? startFit(task), {
    keep: (checkpoint) => writeCheckpoint(file, recipe, checkpoint),
    onProgress: (progress) => options.onProgress?.(recipe.seed, progress),
    ...(options.signal !== undefined && { signal: options.signal }),
  });
  return await conclude(task, team, state);
}

/**
 * Brings a training into the form in which it is served, and calibrates it on the validation images.
 *
 * @param task What was worked on.
 * @param team Who did.
 * @param state As `fit` gives it.
 * @returns The training.
 * @throws {ModelError} `backend`
 */
export async function conclude(task: TrainingTask, team: Team, state: Checkpoint): Promise<Training> {
  const { recipe: { seed }, validation } = task;
  const numbers = await finish(task, team, state.parameters);
  const { history, seconds } = state;
  if (validation.count === 0) {
    return { seed, numbers, temperature: 1, validationAccuracy: NaN, history, seconds };
  }
  const logits = await team.predict(numbers);
  const temperature = fitTemperature(logits, validation.labels);
  return { seed, numbers, temperature, validationAccuracy: accuracyOf(logits, validation), history, seconds };
}
