import { basename, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { defined } from "../../lib/defined.ts";
import type { DataSet, OnRead } from "../datasets/data_set.ts";
import type { FolderForm } from "../datasets/image_folder.ts";
import { OFFICIAL_DATA_SETS } from "../datasets/official.ts";
import { findImageFolder } from "../datasets/read_data_set.ts";
import { ModelError } from "../../models/errors.ts";
import { readUrl } from "../../models/read_url.ts";
import { parseRecipe } from "./parse_recipe.ts";
import type { Recipe } from "./recipe.ts";
import { findRecipe, RECIPES } from "./recipes.ts";
import { OWN_DATA } from "./own_data.ts";
import { CIFAR_10_GREY, readTrainingData } from "../fitting/task.ts";

/** How to train, and with which data. */
export interface ResolveOptions {
  /** Name of a recipe, or a JSON file with changes to the default recipe. */
  readonly by?: string;
  /** The data directory. */
  readonly from?: string | URL;
  /** What the images of an image folder are converted to. */
  readonly form?: FolderForm;
  /** Name of the model. @default {the target, or made of the name of the folder: my-shapes of "My Shapes"} */
  readonly name?: string;
  /** Whether the weights of a model are trained further. @default {false} */
  readonly fineTuning?: boolean;
  /** Called after each file of an image folder. */
  readonly onRead?: OnRead;
}

const MAX_RECIPE_BYTES = 1_048_576;
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/**
 * Finds the recipe for a training.
 *
 * @param target A shipped model, a data set, or the path of an image folder.
 * @param options How to train, and with which data.
 * @returns The recipe, with the name and the data of the target.
 * @throws {ModelError} `invalid`: an unknown recipe, or an invalid file of one; `not_found`; those of the
 * data.
 */
export async function resolveRecipe(
  target: string,
  { by, from, form = {}, name: wanted, fineTuning = false, onRead }: ResolveOptions = {},
): Promise<Recipe> {
  const adapt = (recipe: Recipe) => fineTuning ? forFineTuning(recipe) : recipe;
  if (wanted !== undefined) checkName(wanted, `Cannot name a model "${wanted}"`);
  const found = RECIPES.find(({ name }) => name === target) ??
    await forData(target, form, from, wanted, onRead);
  const own = adapt({ ...found, ...defined({ name: wanted }) });
  if (by === undefined) return own;
  const { name, data, card } = own;
  if (!by.endsWith(".json")) return { ...adapt(findRecipe(by)), name, data, card };
  const text = new TextDecoder().decode(await readUrl(pathToFileURL(resolve(by)), MAX_RECIPE_BYTES));
  return parseRecipe(text, by, own);
}

function forFineTuning({ fineTuning, ...recipe }: Recipe): Recipe {
  return { ...recipe, ...fineTuning };
}

/** The recipe for a user's own data. */
async function forData(
  target: string,
  form: FolderForm,
  from: string | URL | undefined,
  name: string | undefined,
  onRead: OnRead | undefined,
): Promise<Recipe> {
  const isOfficial = target === CIFAR_10_GREY || OFFICIAL_DATA_SETS.some(({ name }) => name === target);
  const source = isOfficial ? target : fileURLToPath(await findImageFolder(target, from));
  modelName(source, name);
  return recipeForData(source, await readTrainingData(source, "train", from, form, onRead), form, name);
}

/**
 * The recipe for training images of a user, with one output per class.
 *
 * @param source The name or the path of the data.
 * @param data The training images.
 * @param form What they were converted to.
 * @param name Name of the model. @default {made of the name of the folder}
 * @throws {ModelError} `invalid`: no name can be made of that of the folder.
 */
export function recipeForData(source: string, data: DataSet, form: FolderForm, name?: string): Recipe {
  return {
    ...OWN_DATA,
    name: modelName(source, name),
    data: source,
    form,
    description: `${data.classes.length} classes, ${data.width}×${data.height} ${
      data.channels === 1 ? "grey" : "RGB"
    }`,
    layers: [...OWN_DATA.layers.slice(0, -1), { type: "dense", units: data.classes.length }],
    ...sizes(data.count),
  };
}

function modelName(source: string, name = nameOf(source)): string {
  checkName(name, `Cannot name a model after ${source}`);
  return name;
}

/** `my-shapes` of `/images/My Shapes/`. */
function nameOf(source: string): string {
  const letters = basename(source).normalize("NFKD").toLowerCase().replaceAll(/\p{M}/gu, "");
  return letters.replaceAll(/[^a-z0-9]+/g, "-").slice(0, 63).replaceAll(/^-|-$/g, "");
}

function checkName(name: string, problem: string): void {
  if (NAME.test(name)) return;
  throw new ModelError("invalid", `${problem}: expected --name with 1 to 63 letters a-z, digits and -`);
}

/** Small sets get small batches; an eighth of the images is held out for validation. */
function sizes(images: number): Pick<Recipe, "batch" | "shard" | "epochs" | "validationImages"> {
  const validationImages = Math.min(OWN_DATA.validationImages, Math.floor(images / 8));
  const shard = Math.min(
    OWN_DATA.shard,
    2 ** Math.floor(Math.log2(Math.max(8, (images - validationImages) / 16))),
  );
  return { validationImages, shard, batch: 2 * shard, epochs: OWN_DATA.epochs };
}
