import { fieldError } from "../models/errors.ts";
import { defined } from "../lib/defined.ts";
import { JsonFields } from "../lib/json_fields.ts";
import { parseJson } from "../models/parse_json.ts";
import { readIfExists, showUrl } from "../models/read_url.ts";
import type { Recipe } from "./recipes/recipe.ts";
import type { EpochRecord, TestMeasures, TrainedModel, TrainedWeights } from "./fitting/trained_model.ts";

/** The file in a model's folder that records its training. */
export const TRAINING_LOG = "training.json";

/** The part of the record that is read back. */
export interface TrainingLog {
  /** The data set it was trained on, as `readTrainingData` takes it. */
  readonly data: string;
  /** As in {@linkcode Recipe}. */
  readonly firstTestImages?: Recipe["firstTestImages"];
  /** As in {@linkcode Recipe}. */
  readonly otherTests: readonly string[];
  /** The epochs of each seed. */
  readonly trainings: readonly { readonly seed: number; readonly epochs: readonly EpochRecord[] }[];
}

const MAX_BYTES = 16_777_216;

/**
 * Describes how a model was trained: the recipe, each epoch of each seed, and the mean of their weights.
 *
 * @param model The trained model.
 * @param measures Its measurements.
 * @returns An object for JSON.
 */
export function describeTraining(
  { task, trainings, average }: TrainedModel,
  { accuracies, averageAccuracy }: TestMeasures,
): unknown {
  const { card: _, ...recipe } = task.recipe;
  return {
    recipe,
    data: { train: task.train.title, images: task.train.count, validationImages: task.validation.count },
    deno: Deno.version.deno,
    cores: navigator.hardwareConcurrency,
    trainings: trainings.map((training, i) => ({
      seed: training.seed,
      ...describeWeights(training, accuracies[i]),
      seconds: Math.round(training.seconds),
      epochs: training.history,
    })),
    ...average && { average: describeWeights(average, averageAccuracy) },
  };
}

function describeWeights(
  { temperature, unknown, validationAccuracy, validationLoss }: TrainedWeights,
  testAccuracy: number | undefined,
) {
  return {
    temperature,
    ...defined({ unknown }),
    ...(Number.isNaN(validationAccuracy) ? {} : { validationAccuracy, validationLoss }),
    testAccuracy,
  };
}

/**
 * Reads how a model was trained.
 *
 * @param folder Of the model.
 * @returns undefined if the folder has no log.
 * @throws {ModelError} `invalid_manifest`: it does not have the form of {@linkcode describeTraining};
 * `denied`.
 */
export async function readTrainingLog(folder: URL): Promise<TrainingLog | undefined> {
  const url = new URL(TRAINING_LOG, folder);
  const content = await readIfExists(url, MAX_BYTES);
  if (content === undefined) return undefined;
  const where = showUrl(url);
  const json = parseJson(content, where, "invalid_manifest");
  const fields = new JsonFields(json, where, fieldError("invalid_manifest"));
  const recipe = fields.object("recipe");
  const first = recipe.has("firstTestImages") ? recipe.object("firstTestImages") : undefined;
  return {
    data: recipe.text("data", 4_096),
    ...(first && {
      firstTestImages: { count: first.integer("count", 1, 1e9), title: first.text("title", 200) },
    }),
    otherTests: recipe.has("otherTests") ? recipe.texts("otherTests", 0, 100) : [],
    trainings: fields.objects("trainings", 1, 100).map((training) => ({
      seed: training.integer("seed", 0, 2 ** 31 - 1),
      epochs: training.objects("epochs", 1, 10_000).map(parseEpoch),
    })),
  };
}

function parseEpoch(fields: JsonFields): EpochRecord {
  const optional = (name: "validationLoss" | "validationAccuracy") =>
    fields.has(name) ? { [name]: fields.number(name, {}) } : {};
  return {
    epoch: fields.integer("epoch", 1, 10_000),
    trainLoss: fields.number("trainLoss", {}),
    trainAccuracy: fields.number("trainAccuracy", {}),
    learningRate: fields.number("learningRate", {}),
    imagesPerSecond: fields.number("imagesPerSecond", {}),
    ...optional("validationLoss"),
    ...optional("validationAccuracy"),
  };
}
