import type { SQLOutputValue } from "node:sqlite";
import { defineCommand, UsageError } from "../command.ts";
import { count, flag } from "../../lib/options.ts";
import { JSON_OPTION, RESULTS_OPTION } from "../options.ts";
import { openResults, resultsPath } from "../results_file.ts";
import { bold, columns, dim, logError, percent, print, red } from "../ui/terminal.ts";

/** Shows stored results. */
export const results = defineCommand({
  name: "results",
  summary: "Show stored results, newest last",
  operands: { form: "[ID…]", min: 0, max: Infinity },
  options: {
    limit: { ...count(1_000_000_000), otherwise: "20, all for IDs", text: "show only the newest N" },
    model: { type: "text", value: "NAME", text: "only results of this model" },
    failed: flag("only failed images"),
    ...RESULTS_OPTION,
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus results", "the newest 20"],
    ["imagebus results --failed --limit 100", "images that could not be classified"],
    ["imagebus results --json --limit 1000000", "all results as JSON"],
  ],
  permissions: ["env", "read", "write"],
  async run(args) {
    const { operands: ids, values } = args;
    const path = resultsPath(args);
    const rows = await select(path, { ...values, ids });
    if (values.json) { for (const row of rows) print(JSON.stringify(toObject(row))); }
    else if (rows.length > 0) print(tableOf(rows));
    if (rows.length === 0) logError(`No matching results in ${path}`);
    return rows.length === 0 && ids.length > 0 ? 1 : 0;
  },
});

type Row = Record<string, SQLOutputValue>;

interface Selection {
  /** None for all. */
  readonly ids: readonly string[];
  readonly model: string | undefined;
  readonly failed: boolean;
  readonly limit: number | undefined;
}

const DEFAULT_LIMIT = 20;

async function select(path: string, { ids, model, failed, limit }: Selection): Promise<Row[]> {
  using database = await openResults(path);
  if (database === null) {
    throw new UsageError(`Cannot read results: ${path} does not exist; imagebus worker creates it`);
  }
  const conditions = [
    ...ids.length > 0 ? [`id IN (${ids.map(() => "?").join(", ")})`] : [],
    ...model !== undefined ? ["model = ?"] : [],
    ...failed ? ["status = 'failed'"] : [],
  ];
  const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
  const max = limit ?? (ids.length > 0 ? -1 : DEFAULT_LIMIT);
  const values = [...ids, ...model !== undefined ? [model] : [], max];
  return database.prepare(`SELECT * FROM results ${where} ORDER BY at DESC LIMIT ?`).all(...values).reverse();
}

/** The column of file names only where there are some. */
function tableOf(rows: readonly Row[]): string {
  const files = rows.map((row) => String(row["file_name"] ?? ""));
  const hasFiles = files.some((file) => file !== "");
  const header = ["time", "model", "label", "confidence", "actual", ...hasFiles ? ["file"] : [], "id"];
  return columns([header.map(bold), ...rows.map((row, i) => toCells(row, hasFiles ? [files[i]!] : []))]);
}

function toCells(row: Row, file: readonly string[]): string[] {
  const time = new Date(String(row["at"])).toLocaleString("sv");
  const failed = row["status"] === "failed";
  return [
    dim(time),
    String(row["model"] ?? "-"),
    failed ? red(String(row["error_code"])) : labelOf(row),
    failed ? "" : percent(Number(row["confidence"])),
    String(row["actual"] ?? ""),
    ...file,
    dim(String(row["id"])),
  ];
}

function labelOf({ label, unknown }: Row): string {
  return unknown ? `unknown (${label})` : String(label);
}

function toObject(row: Row): Record<string, unknown> {
  const { top, unknown } = row;
  return {
    ...row,
    ...(typeof top === "string" && { top: JSON.parse(top) }),
    ...(typeof unknown === "number" && { unknown: unknown === 1 }),
  };
}
