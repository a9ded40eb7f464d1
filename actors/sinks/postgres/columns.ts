/** Types of the columns that are written, in PostgreSQL's words. */
export type ColumnTypes<Row> = { readonly [Column in keyof Row]: string };

/** Rows as a statement takes them. */
export interface Columns {
  /** Names of the columns, separated by commas. */
  readonly names: string;
  /** What the statement selects from, with a parameter per column. */
  readonly source: string;
  /** The parameters: PostgreSQL's text of an array per column. */
  readonly values: readonly string[];
}

/**
 * Rows as an array per column: the server reads these in about two thirds of the time that an array of JSON objects takes, and the
 * statement is the same for any number of rows.
 *
 * @param types The columns.
 * @param rows What is written. What no text of PostgreSQL can hold is replaced by U+FFFD.
 */
export function columnsOf<Row extends object>(types: ColumnTypes<Row>, rows: readonly Row[]): Columns {
  const columns = Object.entries(types) as [keyof Row, string][];
  return {
    names: columns.map(([name]) => name).join(", "),
    source: `unnest(${columns.map(([, type], i) => `$${i + 1}::text::${type}[]`).join(", ")})`,
    values: columns.map(([name]) => arrayOf(rows.map((row) => row[name]))),
  };
}

/** A text as PostgreSQL stores it: without the character 0, and halves of surrogate pairs. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\ufffd");
}

/** What JSON escapes by something other than a backslash before the character itself, which is PostgreSQL's way. */
const JSON_ONLY = /\\[^"\\]/;

/** To look for what has to be replaced is faster than to write each text. */
function arrayOf(values: readonly unknown[]): string {
  const json = JSON.stringify(values.map((value) => isStructured(value) ? JSON.stringify(value) : value));
  return `{${JSON_ONLY.test(json) ? values.map(elementOf).join() : json.slice(1, -1)}}`;
}

function elementOf(value: unknown): string {
  if (typeof value === "string") return `"${storable(value).replaceAll(/["\\]/g, "\\$&")}"`;
  return isStructured(value) ? elementOf(JSON.stringify(value, storablePart)) : String(value);
}

function storablePart(_key: string, part: unknown): unknown {
  return typeof part === "string" ? storable(part) : part;
}

function isStructured(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
