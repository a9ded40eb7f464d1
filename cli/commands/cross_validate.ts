import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { median } from "../../lib/median.ts";
import { checkFilePlace } from "../../models/model_folder.ts";
import { crossValidate as runFolds, type CrossValidation } from "../../training/evaluation/cross_validate.ts";
import { LEGACY_FIGURES, LEGACY_NAMES } from "../../training/recipes/legacy.ts";
import { meanInterval } from "../../training/report/statistics.ts";
import { defineCommand } from "../command.ts";
import { count } from "../../lib/options.ts";
import { JSON_OPTION } from "../options.ts";
import { columns, logError, percent, print } from "../ui/terminal.ts";
import { dataAndWorkers, progressLine, recipeOf, TRAINING_OPTIONS } from "./train.ts";

/** Measures a recipe on training images alone. */
export const crossValidate = defineCommand({
  name: "cross-validate",
  summary: "Run k-fold cross-validation on the training images",
  operands: { form: "NAME|DIR", min: 1, max: 1 },
  options: {
    folds: { ...count(100, 2), default: 5, text: "number of folds" },
    ...TRAINING_OPTIONS,
    report: { type: "text", value: "FILE", text: "write an HTML report with learning curves and a box plot" },
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus cross-validate mnist --folds 5 --report mnist.html", "the recipe of the shipped model"],
    ["imagebus cross-validate fashion-mnist --recipe legacy", "the recipe of the legacy system"],
    ["imagebus cross-validate cifar-10-grey --recipe legacy", "CIFAR-10 converted to 28×28 grey"],
  ],
  permissions: ["env", "read", "write"],
  async run(args) {
    const [target = ""] = args.operands;
    const recipe = await recipeOf(target, args);
    const { folds, report } = args.values;
    if (report !== undefined) await checkFilePlace(pathToFileURL(resolve(report)), true);
    const result = await runFolds({
      recipe,
      folds,
      onProgress: progressLine(folds, "fold"),
      onFold: (fold, accuracy) => logError(`fold ${fold} of ${folds}: ${percent(accuracy, 2)}`),
      ...dataAndWorkers(args),
    });
    const isLegacy = LEGACY_NAMES.includes(args.values.recipe ?? "");
    const reference = isLegacy ? LEGACY_FIGURES[target] : undefined;
    show(target, result, reference, args.values.json);
    if (report !== undefined) {
      const { writeFoldsReport } = await import("../report.ts");
      await writeFoldsReport(report, recipe, result, reference);
    }
    return 0;
  },
});

function show(
  name: string,
  { data, trainings }: CrossValidation,
  reference: number | undefined,
  json: boolean,
): void {
  const accuracies = trainings.map(({ validationAccuracy }) => validationAccuracy);
  const { value, low, high } = meanInterval(accuracies);
  const published = reference === undefined ? {} : { published: reference };
  if (json) {
    return print(
      JSON.stringify({
        name,
        data,
        accuracies,
        mean: value,
        low,
        high,
        median: median(accuracies),
        ...published,
      }),
    );
  }
  print(columns([
    ...accuracies.map((accuracy, i) => [`fold ${i + 1}`, percent(accuracy, 2)]),
    ["mean", `${percent(value, 2)} (95 % interval ${percent(low, 2)} – ${percent(high, 2)})`],
    ["median", percent(median(accuracies), 2)],
    ...reference === undefined ? [] : [["published", `${percent(reference, 2)} (mean of 5 folds)`]],
  ]));
}
