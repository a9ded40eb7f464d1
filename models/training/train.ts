import { startBackend } from "../backend.ts";
import { ModelError } from "../errors.ts";
import { shapeLayers } from "../layers.ts";
import type { InputSpec } from "../manifest.ts";
import { explain } from "../read_url.ts";
import { loadWasmBinary } from "../wasm_binary.ts";
import { fitTemperature } from "./calibrate.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { sliceDataSet } from "../datasets/data_set.ts";
import type { DataSet } from "../datasets/data_set.ts";
import { readDataSet } from "../datasets/read_data_set.ts";
import { accuracyOf, fitEpoch, predict, startFit } from "./fit.ts";
import type { FitTask, Progress } from "./fit.ts";
import { RECIPES } from "./recipes.ts";
import type { Recipe } from "./recipes.ts";
import { writeModel } from "./write_model.ts";
import type { WrittenModel } from "./write_model.ts";

/** What to train, from what, to where. */
export interface TrainOptions {
  /** Of a recipe in {@linkcode RECIPES}, or a recipe of one's own. */
  readonly recipe: string | Recipe;
  /** Directory of the data sets. @default {IMAGEBUS_DATA, else ./data} */
  readonly data?: string | URL;
  /** The model's folder, named as the model. @default {its folder beside the shipped models} */
  readonly folder?: URL;
  /** Whether a training of the same recipe that was broken off is taken up. @default {true} */
  readonly resume?: boolean;
  /** Is told every few seconds. */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the training between two steps; the epochs done are kept. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a model by a recipe and writes its folder. After each epoch the state is kept in the folder, so that a training
 * that was broken off goes on where it was; with the same seed it gives the same weights.
 *
 * @param options What to train.
 * @returns What was written and measured.
 * @throws {ModelError} `invalid`: no such recipe; `not_found`, `damaged`: the data; `denied`; `backend`. Or the signal's
 * reason.
 */
export async function train(options: TrainOptions): Promise<WrittenModel> {
  const recipe = typeof options.recipe === "string" ? findRecipe(options.recipe) : options.recipe;
  const folder = options.folder ?? new URL(`../${recipe.name}/`, import.meta.url);
  const [all, test] = await Promise.all([
    readDataSet(recipe.data, "train", options.data),
    readDataSet(recipe.data, "test", options.data),
  ]);
  await startBackend(await loadWasmBinary());
  const task = prepare(recipe, all);
  const { parameters, seconds } = await fit(task, folder, options);
  const logits = predict(task, parameters, task.validation);
  const model = {
    ...task,
    parameters,
    seconds,
    temperature: fitTemperature(logits, task.validation.labels),
    validationAccuracy: accuracyOf(logits, task.validation),
  };
  const written = await writeModel(folder, model, test, options.signal);
  await Deno.remove(checkpointFile(folder));
  return written;
}

/**
 * Finds a recipe by its name.
 *
 * @param name Of a recipe.
 * @returns The recipe.
 * @throws {ModelError} `invalid`
 */
export function findRecipe(name: string): Recipe {
  const recipe = RECIPES.find((candidate) => candidate.name === name);
  if (recipe !== undefined) return recipe;
  const known = RECIPES.map((candidate) => candidate.name).join(", ");
  throw new ModelError("invalid", `There is no recipe "${name}"; there are ${known}`);
}

function prepare(recipe: Recipe, all: DataSet): FitTask {
  const train = sliceDataSet(all, 0, all.count - recipe.validationImages);
  const validation = sliceDataSet(all, train.count, all.count);
  const input = measureInput(train);
  return {
    recipe,
    layers: shapeLayers(input, recipe.layers, `the recipe ${recipe.name}`),
    input,
    train,
    validation,
  };
}

/** Mean and standard deviation of all samples, to four digits. */
function measureInput({ width, height, channels, pixels }: DataSet): InputSpec {
  const count = pixels.length / channels;
  const mean: number[] = [];
  const std: number[] = [];
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    let squares = 0;
    for (let i = c; i < pixels.length; i += channels) {
      sum += pixels[i]!;
      squares += pixels[i]! ** 2;
    }
    const average = sum / count / 255;
    mean.push(round(average));
    std.push(round(Math.sqrt(squares / count / 255 ** 2 - average ** 2)));
  }
  return { width, height, channels, mean, std };
}

function round(value: number): number {
  return Number(value.toFixed(4));
}

async function fit(task: FitTask, folder: URL, options: TrainOptions): Promise<Checkpoint> {
  const file = checkpointFile(folder);
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (cause) {
    throw explain(folder, cause);
  }
  const kept = options.resume === false ? undefined : await readCheckpoint(file, task.recipe);
  let state = kept ?? startFit(task);
  while (state.epoch < task.recipe.epochs) {
    state = await fitEpoch(task, state, options.onProgress ?? (() => {}), options.signal);
    await writeCheckpoint(file, task.recipe, state);
  }
  return state;
}

function checkpointFile(folder: URL): URL {
  return new URL("training.checkpoint", folder);
}
