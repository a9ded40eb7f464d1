import { boxSummary, meanInterval } from "../../training/report/statistics.ts";
import { writeReport } from "../../training/report/report.ts";
import { crossValidate as runFolds, type CrossValidation } from "../../training/evaluation/cross_validate.ts";
import type { Recipe } from "../../training/recipes/recipe.ts";
import { SEED, SEED_FIGURES } from "../../training/recipes/legacy.ts";
import { type Arguments, type Command, UsageError } from "../command.ts";
import { writeReportFile } from "../model_report.ts";
import { JSON_OPTION } from "../options.ts";
import { columns, percent, print, say } from "../ui/terminal.ts";
import { dataAndWorkers, progressLine, recipeOf, TRAINING_OPTIONS } from "./train.ts";

/** Measures a recipe without looking at test images. */
export const crossValidate: Command = {
  name: "cross-validate",
  summary: "Train on all folds of the training images but one, for each fold, and measure on that one",
  operands: "NAME|DIR",
  options: {
    folds: { type: "number", value: "N", description: "how many; default 5", range: [2, 100] },
    ...TRAINING_OPTIONS,
    report: {
      type: "string",
      value: "FILE",
      description: "write learning curves and a box plot as an HTML page",
    },
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus cross-validate mnist --folds 5 --report mnist.html", "the recipe of the shipped model"],
    ["imagebus cross-validate fashion-mnist --recipe seed", "that of the system that came before"],
    ["imagebus cross-validate cifar-10-grey --recipe seed", "CIFAR-10 as that system sent it, 28×28 grey"],
  ],
  permissions: ["env", "read", "write"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [target, ...more] = args.operands;
  if (target === undefined || more.length > 0) {
    throw new UsageError("cross-validate needs one name: imagebus cross-validate mnist");
  }
  const recipe = await recipeOf(target, args);
  const folds = args.number("folds") ?? 5;
  const result = await runFolds({
    recipe,
    folds,
    onProgress: progressLine(folds, "fold"),
    onFold: (fold, accuracy) => say(`fold ${fold} of ${folds}: ${percent(accuracy, 2)}`),
    ...dataAndWorkers(args),
  });
  const reference = args.text("recipe") === SEED.name ? SEED_FIGURES[target] : undefined;
  show(target, result, reference, args.flag("json"));
  const file = args.text("report");
  if (file !== undefined) await writeReportFile(file, reportOf(recipe, result, reference));
  return 0;
}

function show(
  name: string,
  { data, trainings }: CrossValidation,
  reference: number | undefined,
  json: boolean,
): void {
  const accuracies = trainings.map(({ validationAccuracy }) => validationAccuracy);
  const { value, low, high } = meanInterval(accuracies);
  const { median } = boxSummary(accuracies);
  const published = reference === undefined ? {} : { published: reference };
  if (json) {
    return print(JSON.stringify({ name, data, accuracies, mean: value, low, high, median, ...published }));
  }
  print(columns([
    ...accuracies.map((accuracy, i) => [`fold ${i + 1}`, percent(accuracy, 2)]),
    ["mean", `${percent(value, 2)} (95 % interval ${percent(low, 2)} – ${percent(high, 2)})`],
    ["median", percent(median, 2)],
    ...reference === undefined ? [] : [["published", `${percent(reference, 2)} (mean of 5 folds)`]],
  ]));
}

function reportOf(
  recipe: Recipe,
  { data, trainings }: CrossValidation,
  reference: number | undefined,
): string {
  const accuracies = trainings.map(({ validationAccuracy }) => validationAccuracy);
  return writeReport({
    title: `${recipe.name}: cross-validation`,
    model: { name: recipe.name },
    description: recipe.description,
    made: new Date(),
    facts: {
      data,
      seeds: [recipe.seed],
      trainingSeconds: trainings.reduce((sum, { seconds }) => sum + seconds, 0),
    },
    curves: trainings.map(({ history }, i) => ({ name: `fold ${i + 1}`, epochs: history })),
    folds: [{
      name: `${data}, ${trainings.length} folds`,
      accuracies,
      ...(reference !== undefined && { reference }),
    }],
  });
}
