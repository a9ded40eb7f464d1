import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { type Arguments, type Command, UsageError } from "../command.ts";
import { JSON_OPTION, RESULTS_OPTION } from "../options.ts";
import { resultsPath } from "../results_file.ts";
import { bold, columns, dim, percent, print, red, say } from "../ui/terminal.ts";

type Row = Record<string, SQLOutputValue>;

/** Shows stored results. */
export const results: Command = {
  name: "results",
  summary: "Show stored results, the newest last",
  operands: "[ID…]",
  options: {
    limit: { type: "number", value: "N", description: "the newest N; default 20", range: [1, 1_000_000_000] },
    model: { type: "string", value: "NAME", description: "only of this model" },
    failed: { type: "boolean", description: "only failures" },
    ...RESULTS_OPTION,
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus results", "the newest 20"],
    ["imagebus results --failed --limit 100", "what could not be classified"],
    ["imagebus results --json --limit 1000000", "everything, for programs"],
  ],
  permissions: ["env", "read", "write"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const path = resultsPath(args);
  await refuseMissing(path);
  const rows = select(path, args);
  if (args.flag("json")) { for (const row of rows) print(JSON.stringify(toObject(row))); }
  else if (rows.length > 0) print(columns([HEADER, ...rows.map(toCells)]));
  if (rows.length === 0) say(`No such results in ${path}`);
  return rows.length === 0 && args.operands.length > 0 ? 1 : 0;
}

async function refuseMissing(path: string): Promise<void> {
  try {
    await Deno.stat(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UsageError(`There are no results yet: ${path} does not exist. imagebus worker makes it.`, {
      cause,
    });
  }
}

function select(path: string, args: Arguments): Row[] {
  using database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  const model = args.text("model");
  const ids = args.operands.map(() => "?").join(", ");
  const conditions = [
    ...args.operands.length > 0 ? [`id IN (${ids})`] : [],
    ...model !== undefined ? ["model = ?"] : [],
    ...args.flag("failed") ? ["status = 'failed'"] : [],
  ];
  const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
  const values = [...args.operands, ...model !== undefined ? [model] : [], args.number("limit") ?? 20];
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
