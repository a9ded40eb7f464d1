import type { Comparison } from "../../../bus/comparison.ts";
import { UsageError } from "../../command.ts";
import { listModels } from "../../../models/registry.ts";
import { printComparison, withLabelNames } from "../../comparison_summary.ts";
import { modelSearch } from "../../models_directory.ts";
import { isPostgres, resultsPlace } from "../../results_file.ts";
import type { Row } from "../../stored_results/database.ts";
import { openSqlite } from "../../stored_results/sqlite.ts";
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
  // The version that is served can have changed.
  const groups = Map.groupBy(comparisons, ({ served, other }) => `${served.version} ${other.version}`);
  for (const group of groups.values()) printComparison(group, args.values.json);
  return 0;
}

async function read(place: string, model: string, version?: string): Promise<Comparison[]> {
  if (isPostgres(place)) {
    throw new UsageError("Cannot compare: PostgreSQL keeps no comparisons, only SQLite does");
  }
  await using database = await openSqlite(place, false);
  if (database === null) {
    throw new UsageError(`Cannot compare: ${place} does not exist; imagebus worker creates it`);
  }
  const tables = await database.all("SELECT 1 FROM sqlite_master WHERE name = 'comparisons'", []);
  if (tables.length === 0) return [];
  const [ofVersion, values] = version === undefined ? ["", []] : ["AND other_version = ?2", [version]];
  const sql = `SELECT * FROM comparisons WHERE model = ?1 ${ofVersion} ORDER BY at`;
  return (await database.all(sql, [model, ...values])).map((row) => comparisonOf(row, model));
}

function comparisonOf(row: Row, model: string): Comparison {
  const { id, actual, label, confidence, other_label, other_confidence, other_version, at } = row;
  const served = { version: row["version"], label, confidence };
  const other = { version: other_version, label: other_label, confidence: other_confidence };
  return { id, model, actual, served, other, at } as Comparison;
}
