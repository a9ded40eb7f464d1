import type { Comparison } from "../../../bus/comparison.ts";
import { UsageError } from "../../command.ts";
import { printComparison } from "../../comparison_summary.ts";
import { openResults, resultsPath } from "../../results_file.ts";
import { logError } from "../../ui/terminal.ts";
import type { ModelsArguments } from "./options.ts";

/** Shows how a shadow agrees with the version that is served. */
export async function compare(args: ModelsArguments): Promise<number> {
  const [target = ""] = args.operands;
  const [name = "", version] = target.split("@", 2);
  const comparisons = await read(resultsPath(args), name, version);
  if (comparisons.length === 0) {
    logError(`No comparisons of ${target} yet; imagebus models shadow ${name}@VERSION starts them`);
    return 1;
  }
  // The version that is served can have changed.
  const groups = Map.groupBy(comparisons, ({ served, other }) => `${served.version} ${other.version}`);
  for (const group of groups.values()) printComparison(group, args.values.json);
  return 0;
}

async function read(path: string, model: string, version?: string): Promise<Comparison[]> {
  using database = await openResults(path);
  if (database === null) {
    throw new UsageError(`Cannot compare: ${path} does not exist; imagebus worker creates it`);
  }
  const exists = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'comparisons'").get();
  if (exists === undefined) return [];
  const rows = database.prepare(
    "SELECT * FROM comparisons WHERE model = ?1 AND (?2 IS NULL OR other_version = ?2) ORDER BY at",
  ).all(model, version ?? null);
  return rows.map((row) => {
    const { id, actual, label, confidence, other_label, other_confidence, other_version, at } = row;
    const served = { version: row["version"], label, confidence };
    const other = { version: other_version, label: other_label, confidence: other_confidence };
    return { id, model, actual, served, other, at } as unknown as Comparison;
  });
}
