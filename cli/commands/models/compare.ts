import type { Comparison } from "../../../bus/comparison.ts";
import { UsageError } from "../../command.ts";
import { listModels } from "../../../models/registry.ts";
import { printComparisons, withLabelNames } from "../../comparison_summary.ts";
import { modelSearch } from "../../models_directory.ts";
import { resultsPlace, withoutResults } from "../../results_file.ts";
import type { Row } from "../../stored_results/database.ts";
import { openDatabase } from "../../stored_results/open_database.ts";
import { logError } from "../../ui/terminal.ts";
import type { ModelsArguments } from "./options.ts";

/** Shows how a shadow agrees with the version that is served. */
export async function compare(args: ModelsArguments): Promise<number> {
  const [target = ""] = args.operands;
  const [name = "", version] = target.split("@", 2);
  const [model] = await listModels({ ...await modelSearch(args), names: [name] });
  const labels = model === undefined || "error" in model ? [] : model.manifest.labels;
  const comparisons = withLabelNames(await read(resultsPlace(args), name, version), labels);
  if (comparisons.length === 0) {
    logError(`No comparisons of ${target} yet; imagebus models shadow ${name}@VERSION starts them`);
    return 1;
  }
  printComparisons(comparisons, args.values.json);
  return 0;
}

async function read(place: string, model: string, version?: string): Promise<Comparison[]> {
  await using database = await openDatabase(place, false);
  if (database === null) throw new UsageError(`Cannot compare: ${withoutResults(place)}`);
  const { comparisons, mark } = database;
  if (comparisons === null) return [];
  const ofVersion = version === undefined ? "" : `AND other_version = ${mark}2`;
  const sql = `SELECT * FROM ${comparisons} WHERE model = ${mark}1 ${ofVersion} ORDER BY at`;
  const rows = await database.all(sql, version === undefined ? [model] : [model, version]);
  return rows.map((row) => comparisonOf(row, model));
}

function comparisonOf(row: Row, model: string): Comparison {
  const { id, actual, label, confidence, other_label, other_confidence, other_version } = row;
  const served = { version: row["version"], label, confidence };
  const other = { version: other_version, label: other_label, confidence: other_confidence };
  const at = new Date(row["at"] as string | Date).toISOString();
  return { id, model, actual, served, other, at } as Comparison;
}
