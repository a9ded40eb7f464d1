import { type Arguments, UsageError } from "../command.ts";
import type { RESULTS_OPTION } from "../options.ts";
import { resultsPlace, withoutResults } from "../results_file.ts";
import type { Database, Row } from "./database.ts";
import { openDatabase } from "./open_database.ts";
import { Conditions, isCorrect, type Selection } from "./selection.ts";

/** Rows that are in memory at once. */
const PAGE = 1_000;
const MAX_PAIRS = 10_000;

/** A result as it is stored; the columns are those of docs/results.md, with the types of JSON. */
export interface StoredResult {
  readonly id: string;
  readonly model: string | null;
  readonly status: string;
  readonly label: string | null;
  readonly confidence: number | null;
  readonly actual: string | null;
  readonly error_code: string | null;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly waited_ms: number;
  readonly file_name?: string | null;
  readonly unknown?: boolean | null;
  readonly [column: string]: unknown;
}

/** How many images with one true label were classified as one label. */
export interface Pair {
  readonly model: string;
  readonly modelVersion: string;
  readonly actual: string;
  readonly label: string;
  readonly index: number;
  readonly correct: boolean;
  readonly images: number;
}

/** The results in a database. */
export class StoredResults implements AsyncDisposable {
  readonly #database: Database;

  /** @param database Open; it is closed with this. */
  constructor(database: Database) {
    this.#database = database;
  }

  /** Where they are, for messages. */
  get name(): string {
    return this.#database.name;
  }

  /**
   * Reads results, the newest last.
   *
   * @param selection Which ones.
   * @param limit Only the newest so many.
   * @returns At most 1,000 at a time, so that memory does not grow with their number.
   */
  async *pages(selection: Selection, limit = Infinity): AsyncGenerator<StoredResult[], void, void> {
    let last = await this.#boundary(selection, limit);
    let rows: StoredResult[];
    let isFirst = last !== undefined;
    do {
      rows = await this.#page(selection, last, isFirst);
      if (rows.length > 0) yield rows;
      isFirst = false;
      last = rows.at(-1)?.id;
    } while (rows.length === PAGE);
  }

  /** How many there are. */
  async count(selection: Selection): Promise<number> {
    const { where, values } = new Conditions(this.#database, selection);
    const [row] = await this.#all(`SELECT count(*) AS count FROM ${this.#database.table} ${where}`, values);
    return Number(row!["count"]);
  }

  /** The statuses of some ids; those without a result are missing. */
  async statuses(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const statuses = new Map<string, string>();
    for (let at = 0; at < ids.length; at += PAGE) {
      const { where, values } = new Conditions(this.#database, { ids: ids.slice(at, at + PAGE) });
      const rows = await this.#all(`SELECT id, status FROM ${this.#database.table} ${where}`, values);
      for (const { id, status } of rows) statuses.set(String(id), String(status));
    }
    return statuses;
  }

  /** How classified images with a true label were classified: at most 10,000 pairs of labels, the most frequent first. */
  async pairs(selection: Selection): Promise<Pair[]> {
    const conditions = new Conditions(this.#database, { ...selection, labelled: true });
    conditions.add("status = 'classified'");
    const rows = await this.#all(
      `SELECT model, model_version, actual, label, label_index, ${isCorrect(this.#database)} AS correct,
        count(*) AS images FROM ${this.#database.table} ${conditions.where}
        GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY images DESC, actual, label LIMIT ${MAX_PAIRS}`,
      conditions.values,
    );
    return rows.map((row) => ({
      model: String(row["model"]),
      modelVersion: String(row["model_version"]),
      actual: String(row["actual"]),
      label: String(row["label"]),
      index: Number(row["label_index"]),
      correct: Boolean(row["correct"]),
      images: Number(row["images"]),
    }));
  }

  /**
   * Records a true label.
   *
   * @param ids Of the results; they exist.
   * @param label The name of the class.
   */
  async label(ids: readonly string[], label: string): Promise<void> {
    const conditions = new Conditions(this.#database, { ids });
    const [actual, at] = [conditions.bind(label), conditions.bind(new Date().toISOString())];
    await this.#all(
      `UPDATE ${this.#database.table} SET actual = ${actual}, labelled_at = ${at} ${conditions.where}`,
      conditions.values,
    );
  }

  /** Closes the database. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#database[Symbol.asyncDispose]());
  }

  /** The oldest of the newest so many. */
  async #boundary(selection: Selection, limit: number): Promise<string | undefined> {
    if (!Number.isFinite(limit)) return undefined;
    const conditions = new Conditions(this.#database, selection);
    const [row] = await this.#all(
      `SELECT id FROM ${this.#database.table} ${conditions.where}
        ORDER BY at DESC, id DESC LIMIT 1 OFFSET ${limit - 1}`,
      conditions.values,
    );
    return row && String(row["id"]);
  }

  async #page(selection: Selection, from: string | undefined, inclusive: boolean): Promise<StoredResult[]> {
    const conditions = new Conditions(this.#database, selection);
    if (from !== undefined) {
      conditions.add(`(at, id) ${inclusive ? ">=" : ">"} (${conditions.keyOf(from)})`);
    }
    const rows = await this.#all(
      `SELECT * FROM ${this.#database.table} ${conditions.where} ORDER BY at, id LIMIT ${PAGE}`,
      conditions.values,
    );
    return rows.map(toStored);
  }

  #all(sql: string, values: readonly (string | number)[]): Promise<readonly Row[]> {
    return this.#database.all(sql, values);
  }
}

/** The databases differ in the types of times, JSON and booleans. */
function toStored(row: Row): StoredResult {
  const { top, unknown, at, labelled_at } = row;
  const toText = (time: unknown) => time instanceof Date ? time.toISOString() : time;
  return {
    ...row,
    at: toText(at),
    ...labelled_at !== undefined && { labelled_at: toText(labelled_at) },
    ...typeof top === "string" && { top: JSON.parse(top) },
    ...typeof unknown === "number" && { unknown: unknown === 1 },
  } as StoredResult;
}

/**
 * Opens the results of the option `--results`, else `results.db` in the state directory.
 *
 * @param args Of a command with that option.
 * @param writable Whether they will be changed.
 * @returns `null` when there are none yet: no such file, or no tables.
 * @throws {UsageError} If the file is something else, or a database without results.
 * @throws `SinkError` if a server is not reached.
 */
export async function openResultsIfAny(
  args: Arguments<typeof RESULTS_OPTION>,
  writable = false,
): Promise<StoredResults | null> {
  const database = await openDatabase(resultsPlace(args), writable);
  return database && new StoredResults(database);
}

/**
 * As {@linkcode openResultsIfAny}.
 *
 * @throws {UsageError} Also when there are none yet.
 */
export async function openResults(
  args: Arguments<typeof RESULTS_OPTION>,
  writable = false,
): Promise<StoredResults> {
  const results = await openResultsIfAny(args, writable);
  if (results !== null) return results;
  throw new UsageError(`Cannot read results: ${withoutResults(resultsPlace(args))}`);
}
