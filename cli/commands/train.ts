import { duration } from "../../training/report/format.ts";
import type { Progress } from "../../training/fitting/fit.ts";
import type { Recipe } from "../../training/recipes/recipe.ts";
import { type ResolveOptions, resolveRecipe } from "../../training/recipes/resolve_recipe.ts";
import { train as trainModel } from "../../training/train.ts";
import { directoryUrl, showUrl } from "../../models/read_url.ts";
import type { ExtraImages } from "../../training/datasets/extra_images.ts";
import { type Arguments, defineCommand } from "../command.ts";
import { mappingOf } from "./evaluate/photographs.ts";
import { defined } from "../../lib/defined.ts";
import { printable } from "../../lib/printable.ts";
import { count, flag, type OptionTable } from "../../lib/options.ts";
import { DATA_OPTION, FORM_OPTIONS, formOf, MODELS_DIRS_OPTION } from "../options.ts";
import {
  existingOf,
  MODEL_OUT_OPTIONS,
  modelsDirectory,
  modelSearch,
  nextSteps,
} from "../models_directory.ts";
import { commandLine } from "../command_line.ts";
import { loadModels } from "../../models/registry.ts";
import { readingBar } from "../ui/progress.ts";
import { columns, logError, percent, print, showProgress } from "../ui/terminal.ts";

/** Options of a training, for `train` and `cross-validate`. */
export const TRAINING_OPTIONS = {
  recipe: { type: "text", value: "NAME|FILE", text: "name of a recipe, or a JSON file" },
  ...DATA_OPTION,
  ...FORM_OPTIONS,
  epochs: { ...count(10_000), text: "passes over the training images" },
  seed: { ...count(2 ** 31 - 1, 0), text: "seed of the random numbers" },
  workers: {
    ...count(256),
    otherwise: "one per core",
    text: "number of threads; the result does not depend on it",
  },
} as const satisfies OptionTable;

type TrainingArguments = Arguments<typeof TRAINING_OPTIONS>;

const OPTIONS = {
  ...TRAINING_OPTIONS,
  from: {
    type: "text",
    value: "NAME",
    otherwise: "random weights",
    text: "train the weights of this model further; it has the layers of the recipe",
  },
  ...MODELS_DIRS_OPTION,
  extra: {
    type: "text",
    value: "DIR",
    otherwise: "none",
    text: "train on these image files too: a folder per class, or names that begin with the class",
  },
  classes: {
    type: "text",
    value: "FILE",
    text:
      "with --extra: JSON that maps classes to labels; of several, the model of --from takes the likeliest",
  },
  extraTimes: {
    ...count(1_000),
    default: 1,
    text: "with --extra: how often each of these images is used per epoch",
  },
  seeds: {
    ...count(100),
    default: 1,
    text:
      "train with N seeds, and keep the best model by validation loss; with --from the mean of their weights is one more",
  },
  unknownPercent: {
    ...count(50, 0),
    default: 2,
    text:
      "share of the validation images that may be unknown, in percent; 0: the model takes every image for one of its classes",
  },
  name: { type: "text", value: "NAME", otherwise: "that of the data", text: "name of the model" },
  ...MODEL_OUT_OPTIONS,
  fresh: flag("start over instead of resuming an interrupted training"),
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

/** Trains a model. */
export const train = defineCommand({
  name: "train",
  summary: "Train a model on a data set or a folder of images",
  operands: { form: "NAME|DIR", min: 1, max: 1 },
  options: OPTIONS,
  examples: [
    [
      "imagebus train ./shapes",
      "a folder with one folder of images per class; resumes an interrupted training",
    ],
    ["imagebus train ./shapes --force", "again: 1.1.0 replaces 1.0.0"],
    ["imagebus train ./shapes --new-version", "again: 1.1.0 beside 1.0.0, which stays served"],
    ["imagebus train mnist --name my-mnist", "the recipe of a shipped model, under another name"],
    ["imagebus train mnist --out /tmp/models", "into /tmp/models/mnist"],
    ["imagebus worker", "serve the shipped models and yours"],
  ],
  permissions: ["env", "read", "write"],
  run,
});

async function run(args: Args): Promise<number> {
  const [target = ""] = args.operands;
  const { seeds, from: start, extraTimes, name } = args.values;
  const recipe = await recipeOf(target, args, { fineTuning: start !== undefined, ...defined({ name }) });
  const [from] = start === undefined ? [] : await loadModels({ names: [start], ...await modelSearch(args) });
  const { folder, manifest, measures } = await trainModel({
    recipe,
    out: modelsDirectory(recipe.name, args),
    existing: existingOf(args),
    command: commandLine(["train", ...args.typed]),
    seeds,
    unknownShare: args.values.unknownPercent / 100,
    resume: !args.values.fresh,
    extraTimes,
    onRead: readingBar(),
    onLeftOut: (lines) => logError(["Left out:", ...lines.map(printable)].join("\n")),
    onProgress: progressLine(seeds),
    ...dataAndWorkers(args),
    ...defined({ from, extra: await extraImages(args) }),
  });
  print(columns([
    ...measures.evaluations.map(({ data, accuracy, correct, images }) => [
      `accuracy on ${data}`,
      `${percent(accuracy, 2)} (${correct} of ${images})`,
    ]),
    [`${manifest.name} ${manifest.version}`, showUrl(folder)],
  ]));
  logError(nextSteps(manifest, args));
  return 0;
}

async function extraImages({ values }: Args): Promise<ExtraImages | undefined> {
  if (values.extra === undefined) return undefined;
  return { folder: directoryUrl(values.extra), ...defined({ mapping: await mappingOf(values) }) };
}

/** The recipe of the arguments. */
export async function recipeOf(
  target: string,
  args: TrainingArguments,
  options: Pick<ResolveOptions, "name" | "fineTuning"> = {},
): Promise<Recipe> {
  const { recipe: by, data: from, epochs, seed } = args.values;
  const recipe = await resolveRecipe(target, {
    ...options,
    form: formOf(args),
    onRead: readingBar(),
    ...defined({ by, from }),
  });
  return { ...recipe, ...defined({ epochs, seed }) };
}

/** The options of the data and of the threads. */
export function dataAndWorkers({ values: { data, workers } }: TrainingArguments) {
  return defined({ data, workers });
}

/** Shows a line that is redrawn during an epoch, and logs one when it is complete. */
export function progressLine(runs: number, what = "seed"): (run: number, progress: Progress) => void {
  return (run, { epoch, epochs, share, loss, accuracy, imagesPerSecond, secondsLeft, record }) => {
    const line = [
      ...runs > 1 ? [`${what} ${run}`] : [],
      `epoch ${epoch}/${epochs}${record ? "" : ` ${percent(share, 0)}`}`,
      `loss ${loss.toFixed(4)}`,
      `accuracy ${percent(accuracy, 2)}`,
      ...record?.validationAccuracy === undefined
        ? []
        : [`validation ${percent(record.validationAccuracy, 2)}`],
      `${Math.round(imagesPerSecond)} images/s`,
      `${duration(secondsLeft)} left`,
    ].join("  ");
    if (record === undefined) return showProgress(line);
    logError(line);
  };
}
