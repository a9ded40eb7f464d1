import { type Activations, createClassifier, type ModelFiles } from "../../models/classifier.ts";
import { ModelError } from "../../models/errors.ts";
import type { FeaturesScore } from "../../models/manifest.ts";
import { sha256Hex } from "../../models/registry.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { degradeDataSet } from "../augmentation/degrade.ts";
import type { DataSet } from "../datasets/data_set.ts";
import { prepareTask, readTrainingData } from "../fitting/task.ts";
import { Random } from "../random.ts";
import type { Recipe } from "../recipes/recipe.ts";
import {
  activationsOf,
  groupOf,
  otherGroups,
  photographGroups,
  type Photographs,
  spread,
} from "./image_groups.ts";
import { thresholdAt } from "./threshold.ts";
import { scoreOf, type ScorerExamples, trainScorer } from "./train_scorer.ts";

/** How a model becomes able to recognise images that show none of its classes. */
export interface CalibrateOptions {
  /** Of the model; its training images are of the model's classes. */
  readonly recipe: Recipe;
  /** Share of the validation images that may become unknown. */
  readonly share: number;
  /** The data directory. */
  readonly data: string | undefined;
  /** Photographs to train on too. @default {none} */
  readonly photographs?: Photographs | undefined;
  /** Maximum number of images of each group; six times that of the model's own. */
  readonly limit: number;
  /** Is given what is done next. */
  readonly onStep?: (step: string) => void;
}

/** What is added to a model. */
export interface CalibratedUnknown {
  readonly unknown: FeaturesScore;
  readonly scorerWeights: Uint8Array<ArrayBuffer>;
  /** Of the validation images. */
  readonly validation: readonly Activations[];
}

/** Photographs of the classes are few and as important as all training images; see docs/training.md. */
const WEIGHTS = { own: 3, photographs: 3, others: 1 };

/**
 * Trains the scorer of a model on training images, and chooses its threshold on the validation images.
 *
 * @param files The model.
 * @param options How.
 * @throws {ModelError} `invalid`: the last layer of the model is not dense, or its recipe holds out no images; those of the
 * data.
 */
export async function calibrateUnknown(
  files: ModelFiles,
  options: CalibrateOptions,
): Promise<CalibratedUnknown> {
  const { recipe, share, onStep } = options;
  const { unknown: _, ...manifest } = files.manifest;
  using classifier = await createClassifier({ ...files, manifest }, await loadWasmBinary());
  const validation = await validationOf({ ...files, manifest }, options);
  const examples: ScorerExamples[] = [];
  for (const group of await trainingGroups(manifest.labels, options)) {
    onStep?.(group.title);
    const rows = (await activationsOf(classifier, group)).map(({ features }) => features);
    if (rows.some((row) => row === undefined)) throw withoutFeatures(manifest.name);
    examples.push({ rows: rows as Float32Array[], known: group.known, weight: group.weight });
  }
  onStep?.("training of the scorer");
  const { layers, numbers } = trainScorer(examples, recipe.seed);
  const scores = validation.map(({ features }) => scoreOf(numbers, features!));
  const scorerWeights = new Uint8Array(numbers.slice().buffer);
  const unknown: FeaturesScore = {
    score: "features",
    threshold: Number(thresholdAt(scores, share).toPrecision(6)),
    layers,
    weights: {
      file: "unknown.bin",
      dtype: "float32",
      bytes: scorerWeights.byteLength,
      sha256: await sha256Hex(scorerWeights),
    },
  };
  return { unknown, scorerWeights, validation };
}

/** The activations of the validation images of a model. */
export async function validationOf(
  files: ModelFiles,
  { recipe, data, onStep }: Pick<CalibrateOptions, "recipe" | "data" | "onStep">,
): Promise<Activations[]> {
  onStep?.("validation images");
  using classifier = await createClassifier(files, await loadWasmBinary());
  const { validation } = prepareTask(recipe, await readTrainingData(recipe.data, "train", data, recipe.form));
  if (validation.count === 0) {
    throw new ModelError("invalid", `The recipe ${recipe.name} holds out no images`);
  }
  return await activationsOf(classifier, groupOf(validation, true, validation.count));
}

async function trainingGroups(labels: readonly string[], options: CalibrateOptions) {
  const { recipe, data, photographs, limit } = options;
  const { train } = prepareTask(recipe, await readTrainingData(recipe.data, "train", data, recipe.form));
  const own = degraded(spread(train, 6 * limit), recipe);
  const photos = photographs === undefined ? [] : await photographGroups(photographs, labels, limit);
  return [
    { ...groupOf(own, true, own.count), weight: WEIGHTS.own },
    ...(await otherGroups(recipe.data, "train", data, limit)).map((group) => ({
      ...group,
      weight: WEIGHTS.others,
    })),
    ...photos.map((group) => ({ ...group, weight: group.known ? WEIGHTS.photographs : WEIGHTS.others })),
  ];
}

/** As the validation images are. */
function degraded(data: DataSet, { seed, augmentation: { degrade } }: Recipe): DataSet {
  return degrade === undefined ? data : degradeDataSet(data, degrade, new Random(seed, -7));
}

function withoutFeatures(name: string): ModelError {
  return new ModelError("invalid", `Cannot train a scorer for ${name}: its last layer is not dense`);
}
