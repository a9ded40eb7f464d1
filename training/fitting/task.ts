import { sliceDataSet } from "../datasets/data_set.ts";
import type { DataSet, Split } from "../datasets/data_set.ts";
import { toSeedForm } from "../datasets/form.ts";
import type { FolderForm } from "../datasets/image_folder.ts";
import { readDataSet } from "../datasets/read_data_set.ts";
import { ModelError } from "../../models/errors.ts";
import { shapeLayers } from "../../models/layers/layers.ts";
import type { InputSpec } from "../../models/manifest.ts";
import { checkTrainable } from "./forward.ts";
import { Random } from "../random.ts";
import type { Recipe } from "../recipes/recipe.ts";
import type { TrainingTask } from "./shard.ts";
import { wearDataSet } from "../augmentation/degrade.ts";

/** CIFAR-10 as the system that came before sent it: 28×28 pixels, grey. */
export const CIFAR_10_GREY = "cifar-10-grey";

/**
 * Reads what a recipe learns from or is measured on.
 *
 * @param name As `readDataSet` takes it, or {@linkcode CIFAR_10_GREY}.
 * @param split Which part.
 * @param from The directory of all data sets.
 * @param form What the pictures of an image folder are brought into.
 * @returns The images.
 * @throws {ModelError} As `readDataSet`.
 */
export async function readTrainingData(
  name: string,
  split: Split,
  from?: string | URL,
  form: FolderForm = {},
): Promise<DataSet> {
  if (name !== CIFAR_10_GREY) return await readDataSet(name, split, from, form);
  const data = toSeedForm(await readDataSet("cifar-10", split, from));
  return { ...data, title: `${data.title}, 28×28 grey` };
}

/**
 * Brings recipe and images together; the last training images are kept for validation, worn as those that are learnt from.
 *
 * @param recipe How to train.
 * @param all All training images.
 * @returns What a team works on.
 * @throws {ModelError} `invalid`: the network does not fit the data, or can't be trained; too few images.
 */
export function prepareTask(recipe: Recipe, all: DataSet): TrainingTask {
  const learnt = all.count - recipe.validationImages;
  const validation = sliceDataSet(all, learnt, all.count);
  const { seed, augmentation: { wear } } = recipe;
  const worn = wear ? wearDataSet(validation, wear, new Random(seed, VALIDATION_STREAM)) : validation;
  return joinTask(recipe, sliceDataSet(all, 0, learnt), worn);
}

/**
 * Brings recipe and images together.
 *
 * @param recipe How to train.
 * @param train What is learnt from.
 * @param validation What is measured on along the way; may be empty.
 * @returns What a team works on.
 * @throws {ModelError} `invalid`: the network does not fit the data, or can't be trained; too few images.
 */
export function joinTask(recipe: Recipe, train: DataSet, validation: DataSet): TrainingTask {
  const where = `the recipe ${recipe.name}`;
  const input = recipe.standardise === false ? unchangedInput(train) : measureInput(train);
  const layers = shapeLayers(input, recipe.layers, where);
  checkTrainable(layers, where);
  const outputs = layers.at(-1)?.output;
  if (outputs?.length !== 1 || outputs[0] !== train.classes.length) {
    throw new ModelError(
      "invalid",
      `${where}: the last layer gives ${
        outputs?.join("×")
      } numbers, but ${train.title} has ${train.classes.length} classes`,
    );
  }
  if (train.count < recipe.batch) {
    throw new ModelError(
      "invalid",
      `${where}: a batch is ${recipe.batch} images, but only ${train.count} of ${train.title} are learnt from`,
    );
  }
  return { recipe, layers, input, train, validation };
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
    std.push(Math.max(round(Math.sqrt(squares / count / 255 ** 2 - average ** 2)), SMALLEST_STD));
  }
  return { width, height, channels, mean, std };
}

function unchangedInput({ width, height, channels }: DataSet): InputSpec {
  const numbers = (value: number) => new Array<number>(channels).fill(value);
  return { width, height, channels, mean: numbers(0), std: numbers(1) };
}

const VALIDATION_STREAM = -3;

/** For pictures of one colour. */
const SMALLEST_STD = 1e-3;

function round(value: number): number {
  return Number(value.toFixed(4));
}
