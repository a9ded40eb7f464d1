import { selectDataSet } from "../datasets/data_set.ts";
import type { DataSet } from "../datasets/data_set.ts";
import { ModelError } from "../../models/errors.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { fit, startFit } from "../fitting/fit.ts";
import type { Progress } from "../fitting/fit.ts";
import { Random } from "../random.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { joinTask, readTrainingData } from "../fitting/task.ts";
import { Team } from "../fitting/team.ts";
import { conclude } from "../train.ts";
import type { Training } from "../fitting/trained_model.ts";

/** What to try. */
export interface CrossValidateOptions {
  /** How each fold is trained. */
  readonly recipe: Recipe;
  /** How many parts the training images are cut into, at least 2. @default {5} */
  readonly folds?: number;
  /** Directory of the data sets. @default {IMAGEBUS_DATA, else ./data} */
  readonly data?: string | URL;
  /** Workers that share the work. @default {the number of cores} */
  readonly workers?: number;
  /** Is told after each step; folds count from 1. */
  readonly onProgress?: (fold: number, progress: Progress) => void;
  /** Is told when a fold is done. */
  readonly onFold?: (fold: number, accuracy: number) => void;
  /** Ends it between two steps. */
  readonly signal?: AbortSignal;
}

/** What came of it. */
export interface CrossValidation {
  /** What was cut into folds, for people. */
  readonly data: string;
  /** One training for each fold; its validation accuracy is that on the part that was left out. */
  readonly trainings: readonly Training[];
}

/**
 * Trains as often as there are folds, each time on all training images but those of one fold, and measures on that fold. The
 * test images are not looked at.
 *
 * @param options What to try.
 * @returns A training for each fold.
 * @throws {ModelError} `invalid`: fewer than 2 folds, or more than images; those of `train`. Or the signal's reason.
 */
export async function crossValidate(options: CrossValidateOptions): Promise<CrossValidation> {
  const { recipe, folds = 5 } = options;
  const all = await readTrainingData(recipe.data, "train", options.data, recipe.form);
  if (!(Number.isInteger(folds) && folds >= 2 && folds <= all.count)) {
    throw new ModelError("invalid", `There must be 2 to ${all.count} folds of ${all.title}, not ${folds}`);
  }
  const wasm = await loadWasmBinary();
  const order = new Random(recipe.seed, FOLDS).permutation(all.count);
  const trainings: Training[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const task = joinTask(recipe, ...split(all, order, fold, folds));
    await using team = await Team.start(task, options.workers ?? navigator.hardwareConcurrency, wasm);
    const state = await fit(task, team, startFit(task), {
      onProgress: (progress) => options.onProgress?.(fold + 1, progress),
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    const training = await conclude(task, team, state);
    trainings.push(training);
    options.onFold?.(fold + 1, training.validationAccuracy);
  }
  return { data: all.title, trainings };
}

/** The stream of random numbers that cuts the folds. */
const FOLDS = 0x6000_0000;

function split(
  all: DataSet,
  order: Uint32Array,
  fold: number,
  folds: number,
): [train: DataSet, held: DataSet] {
  const [from, to] = [fold, fold + 1].map((i) => Math.floor(i * all.count / folds)) as [number, number];
  const train = Uint32Array.from([...order.subarray(0, from), ...order.subarray(to)]);
  return [selectDataSet(all, train), selectDataSet(all, order.slice(from, to))];
}
