import { printable } from "../../../lib/printable.ts";
import { UsageError } from "../../command.ts";
import type { Selection } from "../../stored_results/selection.ts";
import { openResults, type StoredResult, type StoredResults } from "../../stored_results/stored_results.ts";
import { bold, columns, dim, logError, percent, print, red } from "../../ui/terminal.ts";
import { followResults } from "./follow.ts";
import { type ResultArguments, selectionOf } from "./options.ts";

const DEFAULT_LIMIT = 20;

/** `results [list]`: one line per result, newest last. The exit code is 1 if none of the IDs has one. */
export async function list(args: ResultArguments): Promise<number> {
  const { operands: ids, values } = args;
  checkFormat(values);
  await using results = await openResults(args);
  const selection = await selectionOf(args, results);
  const limit = values.limit ?? (ids.length > 0 ? Infinity : DEFAULT_LIMIT);
  const pages = values.follow ? followResults(results, selection, limit) : results.pages(selection, limit);
  const show = values.json ? printJson : values.csv ? printCsv : printTable;
  let first: StoredResult | undefined;
  for await (const rows of pages) {
    show(rows, first === undefined);
    first ??= rows[0];
  }
  if (first === undefined) logError(`No matching results in ${printable(results.name)}`);
  else if (!values.json && !values.csv && ids.length === 0) await hint(results, selection, first.id);
  return first === undefined && ids.length > 0 ? 1 : 0;
}

function checkFormat({ csv, json }: ResultArguments["values"]): void {
  if (csv && json) throw new UsageError("--csv and --json are two formats: expected one of them");
}

/** How to see what is older. */
async function hint(results: StoredResults, selection: Selection, before: string): Promise<void> {
  for await (const _ of results.pages({ ...selection, before }, 1)) {
    logError(`Older ones: --before ${printable(before)}, or --limit N`);
  }
}

function printJson(rows: readonly StoredResult[]): void {
  for (const row of rows) print(JSON.stringify(row));
}

/** The columns of the table of results that hold one value each. */
const CSV_COLUMNS = [
  "id",
  "at",
  "model",
  "model_version",
  "status",
  "label",
  "label_index",
  "confidence",
  "unknown",
  "actual",
  "labelled_at",
  "file_name",
  "error_code",
  "error_message",
  "waited_ms",
  "took_ms",
];

function printCsv(rows: readonly StoredResult[], isFirst: boolean): void {
  if (isFirst) print(CSV_COLUMNS.join(","));
  for (const row of rows) print(CSV_COLUMNS.map((name) => quoted(row[name])).join(","));
}

/** RFC 4180. */
function quoted(value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  const shown = Deno.stdout.isTerminal() ? printable(text) : text;
  return /[",\r\n]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
}

/** The column of file names only where there are some. */
function printTable(rows: readonly StoredResult[], isFirst: boolean): void {
  const hasFiles = rows.some(({ file_name }) => file_name);
  const header = ["time", "model", "label", "confidence", "actual", ...hasFiles ? ["file"] : [], "id"];
  print(columns([...isFirst ? [header.map(bold)] : [], ...rows.map((row) => toCells(row, hasFiles))]));
}

function toCells(row: StoredResult, hasFile: boolean): string[] {
  const isFailed = row.status === "failed";
  return [
    dim(new Date(row.at).toLocaleString("sv")),
    row.model ?? "-",
    isFailed ? red(String(row.error_code)) : labelOf(row),
    isFailed ? "" : percent(row.confidence ?? 0),
    row.actual ?? "",
    ...hasFile ? [row.file_name ?? ""] : [],
    dim(row.id),
  ];
}

function labelOf({ label, unknown }: StoredResult): string {
  return unknown ? `unknown (${label})` : String(label);
}
