import {
  appendDataSet,
  type DataSet,
  type OnRead,
  repeatDataSet,
  sliceDataSet,
  type Split,
} from "../datasets/data_set.ts";
import { toLegacyForm } from "../datasets/form.ts";
import type { FolderForm } from "../datasets/image_folder.ts";
import { readDataSet } from "../datasets/read_data_set.ts";
import { ModelError } from "../../models/errors.ts";
import { shapeLayers } from "../../models/layers/layers.ts";
import type { InputSpec } from "../../models/manifest.ts";
import { checkTrainable } from "./forward.ts";
import { Random } from "../random.ts";
import type { Recipe } from "../recipes/recipe.ts";
import type { TrainingTask } from "./training_task.ts";
import { degradeDataSet } from "../augmentation/degrade.ts";

/** CIFAR-10 as the legacy system sent it: 28×28 pixels, grey. */
export const CIFAR_10_GREY = "cifar-10-grey";

/**
 * Reads the images that a recipe is trained or measured on.
 *
 * @param name As `readDataSet` takes it, or {@linkcode CIFAR_10_GREY}.
 * @param split Which part.
 * @param from The data directory.
 * @param form What the images of an image folder are converted to.
 * @param onRead Called after each file of an image folder.
 * @throws {ModelError} As `readDataSet`.
 */
export async function readTrainingData(
  name: string,
  split: Split,
  from?: string | URL,
  form: FolderForm = {},
  onRead?: OnRead,
): Promise<DataSet> {
  if (name !== CIFAR_10_GREY) return await readDataSet(name, split, from, form, onRead);
  const data = toLegacyForm(await readDataSet("cifar-10", split, from));
  return { ...data, title: `${data.title}, 28×28 grey` };
}

/**
 * Combines a recipe with its data. The last training images are held out for validation, degraded as the
 * others are, in the same way for all seeds: these are compared.
 *
 * @param recipe How to train.
 * @param all All training images.
 * @param extra Images that are also trained on, as often as the recipe states; none of them is held out.
 * @throws {ModelError} `invalid`: the network does not fit the data or cannot be trained; too few images.
 */
export function prepareTask(recipe: Recipe, all: DataSet, extra?: DataSet): TrainingTask {
  const trained = all.count - recipe.validationImages;
  const heldOut = sliceDataSet(all, trained, all.count);
  const { degrade } = recipe.augmentation;
  const validation = degrade
    ? degradeDataSet(heldOut, degrade, new Random(VALIDATION_SEED, VALIDATION_STREAM))
    : heldOut;
  const train = sliceDataSet(all, 0, trained);
  if (extra === undefined) return joinTask(recipe, train, validation);
  return joinTask(recipe, appendDataSet(train, repeatDataSet(extra, recipe.extra?.times ?? 1)), validation);
}

/**
 * Combines a recipe with its data.
 *
 * @param recipe How to train.
 * @param train Training images.
 * @param validation Measured after each epoch; may be empty.
 * @throws {ModelError} `invalid`: the network does not fit the data or cannot be trained; too few images.
 */
export function joinTask(recipe: Recipe, train: DataSet, validation: DataSet): TrainingTask {
  const where = `the recipe ${recipe.name}`;
  const measured = recipe.standardise === false ? unchangedInput(train) : measureInput(train);
  const input = { ...measured, ...recipe.input };
  const layers = shapeLayers(input, recipe.layers, where);
  checkTrainable(layers, where);
  const outputs = layers.at(-1)?.output;
  if (outputs?.length !== 1 || outputs[0] !== train.classes.length) {
    throw new ModelError(
      "invalid",
      `${where}: the last layer has ${
        outputs?.join("×")
      } outputs, but ${train.title} has ${train.classes.length} classes`,
    );
  }
  if (train.count < recipe.batch) {
    throw new ModelError(
      "invalid",
      `${where}: a batch has ${recipe.batch} images, but ${train.title} has only ${train.count} training images; add images, or set a smaller batch in a --recipe FILE`,
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
    std.push(Math.max(round(Math.sqrt(squares / count / 255 ** 2 - average ** 2)), MIN_STD));
  }
  return { width, height, channels, mean, std };
}

function unchangedInput({ width, height, channels }: DataSet): InputSpec {
  const numbers = (value: number) => new Array<number>(channels).fill(value);
  return { width, height, channels, mean: numbers(0), std: numbers(1) };
}

const VALIDATION_SEED = 1;
const VALIDATION_STREAM = -3;

/** For images of a single colour. */
const MIN_STD = 1e-3;

function round(value: number): number {
  return Number(value.toFixed(4));
}
