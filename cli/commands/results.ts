import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { type Arguments, defineCommand, UsageError } from "../command.ts";
import { count, flag, type OptionTable } from "../../lib/options.ts";
import { JSON_OPTION, RESULTS_OPTION } from "../options.ts";
import { resultsPath } from "../results_file.ts";
import { bold, columns, dim, logError, percent, print, red } from "../ui/terminal.ts";

type Row = Record<string, SQLOutputValue>;

const OPTIONS = {
  limit: { ...count(1_000_000_000), default: 20, text: "show only the newest N" },
  model: { type: "text", value: "NAME", text: "only results of this model" },
  failed: flag("only failed images"),
  ...RESULTS_OPTION,
  ...JSON_OPTION,
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

/** Shows stored results. */
export const results = defineCommand({
  name: "results",
  summary: "Show stored results, newest last",
  operands: { form: "[ID…]", min: 0, max: Infinity },
  options: OPTIONS,
  examples: [
    ["imagebus results", "the newest 20"],
    ["imagebus results --failed --limit 100", "images that could not be classified"],
    ["imagebus results --json --limit 1000000", "all results as JSON"],
  ],
  permissions: ["env", "read", "write"],
  run,
});

async function run(args: Args): Promise<number> {
  const path = resultsPath(args);
  await checkExists(path);
  const rows = select(path, args);
  if (args.values.json) { for (const row of rows) print(JSON.stringify(toObject(row))); }
  else if (rows.length > 0) print(columns([HEADER, ...rows.map(toCells)]));
  if (rows.length === 0) logError(`No matching results in ${path}`);
  return rows.length === 0 && args.operands.length > 0 ? 1 : 0;
}

async function checkExists(path: string): Promise<void> {
  try {
    await Deno.stat(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UsageError(`Cannot read results: ${path} does not exist; imagebus worker creates it`, {
      cause,
    });
  }
}

function select(path: string, args: Args): Row[] {
  using database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  const model = args.values.model;
  const ids = args.operands.map(() => "?").join(", ");
  const conditions = [
    ...args.operands.length > 0 ? [`id IN (${ids})`] : [],
    ...model !== undefined ? ["model = ?"] : [],
    ...args.values.failed ? ["status = 'failed'"] : [],
  ];
  const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
  const values = [...args.operands, ...model !== undefined ? [model] : [], args.values.limit];
  return database.prepare(`SELECT * FROM results ${where} ORDER BY at DESC LIMIT ?`).all(...values).reverse();
}

const HEADER = ["time", "model", "label", "confidence", "actual", "id"].map(bold);

function toCells(row: Row): string[] {
  const time = new Date(String(row["at"])).toLocaleString("sv");
  const failed = row["status"] === "failed";
  return [
    dim(time),
    String(row["model"] ?? "-"),
    failed ? red(String(row["error_code"])) : String(row["label"]),
    failed ? "" : percent(Number(row["confidence"])),
    String(row["actual"] ?? ""),
    dim(String(row["id"])),
  ];
}

function toObject(row: Row): Row {
  const top = row["top"];
  return { ...row, ...(typeof top === "string" && { top: JSON.parse(top) }) };
}
