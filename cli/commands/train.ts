import { pathToFileURL } from "node:url";
import { duration } from "../../training/report/format.ts";
import type { Progress } from "../../training/fitting/fit.ts";
import type { Recipe } from "../../training/recipes/recipe.ts";
import { RECIPES } from "../../training/recipes/recipes.ts";
import { resolveRecipe } from "../../training/recipes/resolve_recipe.ts";
import { train as trainModel } from "../../training/train.ts";
import { type Arguments, type Command, UsageError } from "../command.ts";
import { DATA_OPTION, FORM_OPTIONS, formOf } from "../options.ts";
import { columns, percent, print, say, showProgress } from "../ui/terminal.ts";

/** Options of what is trained, and how. */
export const TRAINING_OPTIONS: Command["options"] = {
  recipe: { type: "string", value: "NAME|FILE", description: "a recipe by its name, or a JSON file of one" },
  ...DATA_OPTION,
  ...FORM_OPTIONS,
  epochs: { type: "number", value: "N", description: "how often each image is seen", range: [1, 10_000] },
  seed: { type: "number", value: "N", description: "start of the random numbers", range: [0, 2 ** 31 - 1] },
  workers: {
    type: "number",
    value: "N",
    description: "threads that share the work; default all cores; the result does not depend on it",
    range: [1, 256],
  },
};

/** Trains a model. */
export const train: Command = {
  name: "train",
  summary: "Train a model, and write its folder",
  operands: "NAME|DIR",
  options: {
    ...TRAINING_OPTIONS,
    seeds: {
      type: "number",
      value: "N",
      description: "train with N seeds; the best one is written",
      range: [1, 100],
    },
    out: { type: "string", value: "DIR", description: "where the model's folder is made; default models" },
    fresh: { type: "boolean", description: "begin anew, even where a training was broken off" },
  },
  examples: [
    ["imagebus train mnist --out /tmp/models", "into /tmp/models/mnist; goes on where it was broken off"],
    ["imagebus train ./shapes", "a folder with a folder of pictures for each class; into models/shapes"],
    ["imagebus worker --models-dir /tmp/models", "serve what was trained"],
  ],
  permissions: ["env", "read", "write"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [target, ...more] = args.operands;
  if (target === undefined || more.length > 0) {
    throw new UsageError(`train needs one name: imagebus train ${RECIPES[0]!.name}`);
  }
  const recipe = await recipeOf(target, args);
  const out = args.text("out") ?? "models";
  const { folder, measures } = await trainModel({
    recipe,
    out: new URL(`${pathToFileURL(out)}/`),
    seeds: args.number("seeds") ?? 1,
    resume: !args.flag("fresh"),
    onProgress: progressLine(args.number("seeds") ?? 1),
    ...dataAndWorkers(args),
  });
  print(columns([
    ...measures.evaluations.map(({ data, accuracy, correct, images }) => [
      `right on ${data}`,
      `${percent(accuracy, 2)} (${correct} of ${images})`,
    ]),
    ["written to", decodeURIComponent(folder.pathname)],
  ]));
  return 0;
}

/** The recipe that the arguments ask for. */
export async function recipeOf(target: string, args: Arguments): Promise<Recipe> {
  const by = args.text("recipe");
  const from = args.text("data");
  const recipe = await resolveRecipe(target, {
    form: formOf(args),
    ...(by !== undefined && { by }),
    ...(from !== undefined && { from }),
  });
  const epochs = args.number("epochs");
  const seed = args.number("seed");
  return { ...recipe, ...(epochs !== undefined && { epochs }), ...(seed !== undefined && { seed }) };
}

/** Where the data is, and who works. */
export function dataAndWorkers(args: Arguments): { data?: string; workers?: number } {
  const data = args.text("data");
  const workers = args.number("workers");
  return { ...(data !== undefined && { data }), ...(workers !== undefined && { workers }) };
}

/** A line that is written over while an epoch is under way, and one that stays when it is done. */
export function progressLine(runs: number, what = "seed"): (run: number, progress: Progress) => void {
  return (run, { epoch, epochs, share, loss, accuracy, imagesPerSecond, secondsLeft, record }) => {
    const line = [
      ...runs > 1 ? [`${what} ${run}`] : [],
      `epoch ${epoch}/${epochs}`,
      `loss ${loss.toFixed(4)}`,
      `right ${percent(accuracy, 2)}`,
      ...record?.validationAccuracy === undefined
        ? []
        : [`validation ${percent(record.validationAccuracy, 2)}`],
      `${Math.round(imagesPerSecond)} images/s`,
      `${duration(secondsLeft)} left`,
    ].join("  ");
    if (record === undefined) return showProgress(`${line}  ${percent(share, 0)} of the epoch`);
    showProgress("");
    say(line);
  };
}
