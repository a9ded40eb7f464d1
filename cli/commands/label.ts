import { didYouMean } from "../../lib/suggestion.ts";
import { flag } from "../../lib/options.ts";
import { labelFor } from "../../training/datasets/class_mapping.ts";
import { listModels } from "../../models/registry.ts";
import { type Arguments, BUS_PERMISSIONS, defineCommand, UsageError } from "../command.ts";
import { modelSearch } from "../models_directory.ts";
import { JSON_OPTION, MODELS_DIRS_OPTION, RESULTS_OPTION } from "../options.ts";
import { openResults, type StoredResult, type StoredResults } from "../stored_results/stored_results.ts";
import { columns, dim, print } from "../ui/terminal.ts";

const OPTIONS = {
  ...RESULTS_OPTION,
  ...MODELS_DIRS_OPTION,
  newClass: flag("record a label that the model does not have"),
  ...JSON_OPTION,
} as const;
type Args = Arguments<typeof OPTIONS>;

/** Records the true labels of images that were classified. */
export const label = defineCommand({
  name: "label",
  summary: "Record the true label of images that were classified",
  operands: { form: "ID… NAME", min: 2, max: Infinity },
  options: OPTIONS,
  examples: [
    ["imagebus label order-17 'Ankle boot'", "the image shows one, whatever it was classified as"],
    ["imagebus label 17 18 19 bag", "several images of one class"],
    ["imagebus label order-17 umbrella --new-class", "a class that the next model shall have"],
    ["imagebus results accuracy", "how many are right"],
  ],
  permissions: BUS_PERMISSIONS,
  run,
});

async function run(args: Args): Promise<number> {
  const ids = [...new Set(args.operands.slice(0, -1))];
  const typed = args.operands.at(-1)!;
  await using results = await openResults(args, true);
  const rows = await find(results, ids);
  const name = args.values.newClass ? typed : await nameOf(typed, rows, args);
  await results.label(ids, name);
  for (const { id, label, actual } of rows) {
    if (args.values.json) print(JSON.stringify({ id, label, before: actual, actual: name }));
    else print(columns([[name, label === name ? "as predicted" : `not ${label ?? "classified"}`, dim(id)]]));
  }
  return 0;
}

/** All are looked up before the first is labelled, so that a mistake changes nothing. */
async function find(results: StoredResults, ids: readonly string[]): Promise<StoredResult[]> {
  const rows = (await Array.fromAsync(results.pages({ ids }))).flat();
  const unknown = ids.find((id) => !rows.some((row) => row.id === id));
  if (unknown === undefined) return rows;
  throw new UsageError(`Unknown result "${unknown}" in ${results.name}: imagebus results lists them`);
}

/** The name as the models have it: a misspelt one would become a class of its own. */
async function nameOf(typed: string, rows: readonly StoredResult[], args: Args): Promise<string> {
  const names = [...new Set(rows.map(({ model }) => model))].filter((model) => model !== null);
  let found: string | undefined;
  for (const model of await listModels({ ...await modelSearch(args), names })) {
    if ("error" in model) continue;
    const { labels } = model.manifest;
    const label = labelFor(typed, labels);
    if (label !== undefined && (found === undefined || label === found)) {
      found = label;
      continue;
    }
    throw new UsageError(
      `${model.name} has no label "${found ?? typed}" (--new-class records it all the same)` +
        didYouMean(typed, labels),
    );
  }
  return found ?? typed;
}
