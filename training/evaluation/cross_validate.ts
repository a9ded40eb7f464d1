import { type DataSet, selectDataSet } from "../datasets/data_set.ts";
import { ModelError } from "../../models/errors.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { fit, type Progress, startFit } from "../fitting/fit.ts";
import { Random } from "../random.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { joinTask, readTrainingData } from "../fitting/task.ts";
import { Team } from "../fitting/team.ts";
import { conclude } from "../train.ts";
import type { Training } from "../fitting/trained_model.ts";

/** What to cross-validate. */
export interface CrossValidateOptions {
  /** How each fold is trained. */
  readonly recipe: Recipe;
  /** Number of folds, at least 2. @default {5} */
  readonly folds?: number;
  /** The data directory. @default {IMAGEBUS_DATA, else ./data} */
  readonly data?: string | URL;
  /** Number of Workers; the result does not depend on it. @default {the number of cores} */
  readonly workers?: number;
  /** Called after each step; folds count from 1. */
  readonly onProgress?: (fold: number, progress: Progress) => void;
  /** Called when a fold is finished. */
  readonly onFold?: (fold: number, accuracy: number) => void;
  /** Aborts between two steps. */
  readonly signal?: AbortSignal;
}

/** Result of a cross-validation. */
export interface CrossValidation {
  /** Title of the data. */
  readonly data: string;
  /** One training per fold; its validation accuracy is the accuracy on that fold. */
  readonly trainings: readonly Training[];
}

/**
 * k-fold cross-validation: for each fold, trains on all other training images and measures on the fold. Test
 * images are not used.
 *
 * @param options What to cross-validate.
 * @returns One training per fold.
 * @throws {ModelError} `invalid`: fewer than 2 folds, or more than images; those of `train`. Or the signal's
 * reason.
 */
export async function crossValidate(options: CrossValidateOptions): Promise<CrossValidation> {
  const { recipe, folds = 5 } = options;
  const all = await readTrainingData(recipe.data, "train", options.data, recipe.form);
  if (!(Number.isInteger(folds) && folds >= 2 && folds <= all.count)) {
    throw new ModelError(
      "invalid",
      `Cannot cut ${all.title} into ${folds} folds; expected 2 to ${all.count}`,
    );
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

/** Stream of the random numbers for the folds. */
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
