import type { DataSet, OnRead } from "./datasets/data_set.ts";
import { type ExtraImages, readExtraImages } from "./datasets/extra_images.ts";
import type { ModelFiles } from "../models/classifier.ts";
import { defined } from "../lib/defined.ts";
import { checkModelPlace, createDirectory } from "../models/model_folder.ts";
import { highestVersion } from "../models/model_version.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { energyScore } from "../models/unknown.ts";
import { crossEntropy, rowsOf } from "../models/logits.ts";
import { thresholdAt } from "./unknown/threshold.ts";
import { fitTemperature } from "./evaluation/calibrate.ts";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "./fitting/checkpoint.ts";
import { accuracyOf, finish, fit, type Progress, startFit } from "./fitting/fit.ts";
import { meanOf } from "./fitting/parameters.ts";
import type { Recipe } from "./recipes/recipe.ts";
import type { TrainingTask } from "./fitting/training_task.ts";
import { prepareTask, readTrainingData } from "./fitting/task.ts";
import { Team } from "./fitting/team.ts";
import type { TrainedWeights, Training } from "./fitting/trained_model.ts";
import { warmStart } from "./fitting/warm_start.ts";
import { versionAfter } from "./version_after.ts";
import { withLikeliestLabel } from "./evaluation/likeliest_label.ts";
import { type Existing, writeModel, type WrittenModel } from "./write_model.ts";

/** What to train, with which data, and where to write it. */
export interface TrainOptions {
  /** How to train; its name is the model's. */
  readonly recipe: Recipe;
  /** The data directory. @default {IMAGEBUS_DATA, else ./data} */
  readonly data?: string | URL;
  /** A model with the recipe's layers whose weights are trained further. @default {random weights} */
  readonly from?: ModelFiles;
  /** Images that are trained on too; they are drawn by the `form` of the model. @default {none} */
  readonly extra?: ExtraImages;
  /** How often each of the extra images is used per epoch, 1 to 1,000. @default {1} */
  readonly extraTimes?: number;
  /** The directory of models in which the model's folder is created. */
  readonly out: URL;
  /**
   * What becomes of a model of that name in `out`: with `"replace"` the new one replaces it, with `"keep"` it gets
   * a version beside it, which is not served yet. The version of the new one is higher.
   *
   * @default {"refuse"}
   */
  readonly existing?: Existing;
  /** The command line, for the card. @default {none} */
  readonly command?: string;
  /**
   * Number of trainings, with consecutive seeds from the recipe's; the one with the lowest validation loss
   * is written. With `from` the mean of their weights is one more candidate.
   *
   * @default {1}
   */
  readonly seeds?: number;
  /**
   * Share of the validation images that may become unknown, 0 to below 1, which chooses the threshold of the model; 0 for
   * none.
   *
   * @default {0}
   */
  readonly unknownShare?: number;
  /** Number of Workers; the result does not depend on it. @default {the number of cores} */
  readonly workers?: number;
  /** Whether to resume an interrupted training of the same recipe. @default {true} */
  readonly resume?: boolean;
  /** Called after each file of an image folder. */
  readonly onRead?: OnRead;
  /** Receives lines on files of an image folder that were left out. */
  readonly onLeftOut?: (lines: readonly string[]) => void;
  /** Called after each step. */
  readonly onProgress?: (seed: number, progress: Progress) => void;
  /** Aborts the training between two steps; it can be resumed from the last checkpoint. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a model by a recipe and writes its folder. A checkpoint is saved beside it after each epoch and each
 * minute, so an interrupted training can be resumed. The same seed gives the same weights, to the bit.
 *
 * @param options What to train.
 * @throws {ModelError} `invalid`: the recipe does not fit the data, or the name is taken; `not_found`, `damaged`: the data;
 * `denied`, `unavailable`: the folder cannot be written; `backend`. Or the signal's reason.
 */
export async function train(options: TrainOptions): Promise<WrittenModel> {
  const { out, seeds = 1, existing = "refuse" } = options;
  const { data, form } = options.recipe;
  const versioned = await withVersion(options.recipe, out);
  const place = existing === "keep" ? `${versioned.name}/${versioned.version}/` : `${versioned.name}/`;
  await checkModelPlace(new URL(place, out), existing === "replace");
  const all = await readTrainingData(data, "train", options.data, form, options.onRead);
  const started = startingFrom(options.from, versioned);
  const extra = options.extra && await readExtra(options.extra, all, started, options.from);
  const recipe = extra === undefined
    ? started
    : { ...started, extra: { title: extra.title, images: extra.count, times: options.extraTimes ?? 1 } };
  const tests = await readTests(recipe, options.data, options.onRead);
  const task = prepareTask(recipe, all, extra);
  const leftOut = [...all.leftOut ?? [], ...tests[0].leftOut ?? []];
  if (leftOut.length > 0) options.onLeftOut?.(leftOut);
  const checkpoints = new URL(`.${recipe.name}.training/`, out);
  await createDirectory(checkpoints);
  const trainings: Finished[] = [];
  for (let i = 0; i < seeds; i++) {
    const seeded = i === 0 ? task : prepareTask({ ...recipe, seed: recipe.seed + i }, all, extra);
    trainings.push(await trainOnce(seeded, checkpoints, options));
  }
  const average = options.from && seeds > 1 ? await averageOf(task, trainings, options) : undefined;
  const written = await writeModel(
    out,
    { task, trainings, ...defined({ average, command: options.command }) },
    tests,
    { existing, ...defined({ signal: options.signal }) },
  );
  await Deno.remove(checkpoints, { recursive: true });
  return written;
}

/** Results show the version: it is higher than those of the models of this name in `out` and among the shipped ones. */
async function withVersion(recipe: Recipe, out: URL): Promise<Recipe> {
  const highest = await highestVersion(out, recipe.name);
  return highest === undefined ? recipe : { ...recipe, version: versionAfter(highest, recipe.version) };
}

/** The model that is trained further knows best which of several labels is right. */
async function readExtra(extra: ExtraImages, data: DataSet, { input }: Recipe, from?: ModelFiles) {
  if (from === undefined) return await readExtraImages(extra, data, input?.form);
  return await withLikeliestLabel(
    from,
    data,
    (choose) => readExtraImages(extra, data, input?.form, choose),
  );
}

/** Weights are of use only with the input that they were trained for. */
function startingFrom(model: ModelFiles | undefined, recipe: Recipe): Recipe {
  if (model === undefined) return recipe;
  const { name, version, input, weights: { sha256 } } = model.manifest;
  return { ...recipe, input: { ...input, ...recipe.input }, from: { name, version, sha256 } };
}

async function readTests(
  recipe: Recipe,
  from?: string | URL,
  onRead?: OnRead,
): Promise<[DataSet, ...DataSet[]]> {
  const first = await readTrainingData(recipe.data, "test", from, recipe.form, onRead);
  const others: DataSet[] = [];
  for (const name of recipe.otherTests ?? []) others.push(await readTrainingData(name, "test", from));
  return [first, ...others];
}

/** A training, and its parameters as they were trained: before their batch normalisations are folded. */
interface Finished extends Training {
  readonly parameters: Float32Array;
}

async function trainOnce(task: TrainingTask, folder: URL, options: TrainOptions): Promise<Finished> {
  const { recipe } = task;
  const file = new URL(`seed-${recipe.seed}.checkpoint`, folder);
  const saved = options.resume === false ? undefined : await readCheckpoint(file, recipe);
  await using team = await startTeam(task, options);
  const { from } = options;
  const start = saved ?? (from === undefined ? startFit(task) : await warmStart(task, team, from));
  const state = await fit(task, team, start, {
    save: (checkpoint) => writeCheckpoint(file, recipe, checkpoint),
    onProgress: (progress) => options.onProgress?.(recipe.seed, progress),
    ...(options.signal !== undefined && { signal: options.signal }),
  });
  return { ...await conclude(task, team, state, options.unknownShare), parameters: state.parameters };
}

/**
 * The mean of weights that were trained further from the same ones is often better than each, and as fast as one
 * (Wortsman et al., Model soups, 2022).
 */
async function averageOf(
  task: TrainingTask,
  trainings: readonly Finished[],
  options: TrainOptions,
): Promise<TrainedWeights> {
  const mean = meanOf(trainings.map(({ parameters }) => parameters));
  await using team = await startTeam(task, options);
  return await makeServable(task, team, mean, options.unknownShare);
}

async function startTeam(task: TrainingTask, { workers }: TrainOptions): Promise<Team> {
  return await Team.start(task, workers ?? navigator.hardwareConcurrency, await loadWasmBinary());
}

/**
 * Converts a training to the form in which it is served, and calibrates it on the validation images.
 *
 * @param task What was trained.
 * @param team The Workers.
 * @param state From `fit`.
 * @param unknownShare Share of the validation images that may become unknown, 0 to below 1; 0 for no threshold.
 * @throws {ModelError} `backend`
 */
export async function conclude(
  task: TrainingTask,
  team: Team,
  state: Checkpoint,
  unknownShare = 0,
): Promise<Training> {
  const { parameters, history, seconds } = state;
  const weights = await makeServable(task, team, parameters, unknownShare);
  return { ...weights, seed: task.recipe.seed, history, seconds };
}

async function makeServable(
  task: TrainingTask,
  team: Team,
  parameters: Float32Array,
  unknownShare = 0,
): Promise<TrainedWeights> {
  const { validation } = task;
  const numbers = await finish(task, team, parameters);
  if (validation.count === 0) {
    return { numbers, temperature: 1, validationAccuracy: NaN, validationLoss: NaN };
  }
  const logits = await team.predict(numbers);
  const scores = rowsOf(logits, validation.count).map(energyScore);
  const temperature = fitTemperature(logits, validation.labels);
  return {
    numbers,
    temperature,
    ...unknownShare > 0 && { unknown: { score: "energy", threshold: thresholdAt(scores, unknownShare) } },
    validationAccuracy: accuracyOf(logits, validation),
    validationLoss: crossEntropy(logits, validation.labels, temperature),
  };
}
