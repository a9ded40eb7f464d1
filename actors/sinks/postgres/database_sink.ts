import type postgres from "npm:postgres@3.4.9";
import type { Comparison } from "../../../bus/comparison.ts";
import { parseAddress } from "./address.ts";
import { migrate, quoted } from "./schema.ts";
import { Session } from "./session.ts";
import { type ResultRow, rowOf } from "../result_row.ts";
import type { ClosableSink, Settled } from "../sink.ts";

/** Stores results and comparisons in PostgreSQL. */
export class DatabaseSink implements ClosableSink {
  readonly name: string;
  readonly #schemas: readonly string[];
  readonly #results: Session;
  /** A connection of their own: where one ends for a comparison, no results are in flight. */
  readonly #comparisons: Session;
  /** Of the tables, once it has connected. */
  #schema = "public";

  /**
   * Does not connect yet.
   *
   * @param url Where the database is.
   * @param timeoutMs Timeout of the start and of a batch, in milliseconds.
   * @throws {SinkError} `invalid` when the URL is malformed.
   */
  constructor(url: string, timeoutMs: number) {
    const address = parseAddress(url);
    this.#schemas = address.schemas;
    this.#results = new Session(address, timeoutMs);
    this.#comparisons = new Session(address, timeoutMs);
    const { user, server, database } = this.#results.target;
    this.name = `postgres ${user}@${server}/${database}`;
  }

  /** Connects, and migrates the schema. */
  async open(): Promise<void> {
    await this.#results.attempt(async (sql) => {
      this.#schema = await migrate(sql, this.#schemas);
    });
  }

  async write(batch: readonly Settled[]): Promise<void> {
    const rows = toJson(rowsOf(batch));
    if (!this.#results.isIntact) await this.open();
    await this.#results.attempt((sql) => insert(sql, this.#schema, rows));
  }

  async compare(batch: readonly Comparison[]): Promise<void> {
    const rows = toJson(batch.map(comparisonRow));
    await this.#comparisons.attempt((sql) => insertComparisons(sql, this.#schema, rows));
  }

  async close(): Promise<void> {
    await Promise.all([this.#results.close(), this.#comparisons.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * A statement can touch a row only once, so the rule of the contract is applied to the batch first. Sorted,
 * because two services that store the same ids in different orders would deadlock.
 */
function rowsOf(batch: readonly Settled[]): ResultRow[] {
  const rows = new Map<string, ResultRow>();
  for (const { result } of batch) {
    const row = rowOf(result);
    const id = wellFormed(row.id);
    const stored = rows.get(id);
    if (!stored || (stored.status === "failed" && row.status === "classified")) rows.set(id, row);
  }
  return [...rows].sort(([a], [b]) => a < b ? -1 : 1).map(([, row]) => row);
}

/** What PostgreSQL refuses is escaped in JSON: lone surrogates, and the character 0. */
const REFUSED = /\\u(?:0000|d[89a-f])/;

/** To look for what is refused is faster than to replace it in each text. */
function toJson(rows: readonly object[]): string {
  const json = JSON.stringify(rows);
  return REFUSED.test(json) ? JSON.stringify(rows, storable) : json;
}

function storable(_key: string, value: unknown): unknown {
  return typeof value === "string" ? wellFormed(value) : value;
}

function wellFormed(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\ufffd");
}

/** The rows are one parameter, so the statement is the same for any number of rows. */
function insert(sql: postgres.Sql, schema: string, rows: string): Promise<unknown> {
  const table = sql.unsafe(`${quoted(schema)}.imagebus_results`);
  return sql`
    INSERT INTO ${table} AS stored (
      id, model, model_version, status, label, label_index, confidence, top, actual, error_code, error_message, at,
      waited_ms, took_ms, file_name, unknown
    )
    SELECT
      id, model, model_version, status, label, label_index, confidence, top, actual, error_code, error_message, at,
      waited_ms, took_ms, file_name, unknown
    FROM json_populate_recordset(NULL::${table}, ${rows}::text::json)
    ON CONFLICT (id) DO UPDATE SET
      model = excluded.model, model_version = excluded.model_version, status = excluded.status,
      label = excluded.label, label_index = excluded.label_index, confidence = excluded.confidence,
      top = excluded.top, error_code = excluded.error_code,
      error_message = excluded.error_message, at = excluded.at, waited_ms = excluded.waited_ms,
      took_ms = excluded.took_ms, file_name = excluded.file_name, unknown = excluded.unknown,
      -- A label that was recorded afterwards stays.
      actual = CASE WHEN stored.labelled_at IS NULL THEN excluded.actual ELSE stored.actual END
    WHERE stored.status = 'failed' AND excluded.status = 'classified'`;
}

/** A row of `imagebus_comparisons`, by column. */
function comparisonRow(
  { id, model, actual, served, other, at }: Comparison,
): Readonly<Record<string, unknown>> {
  const { version, label, confidence } = served;
  const [other_version, other_label, other_confidence] = [other.version, other.label, other.confidence];
  return { id, model, actual, version, label, confidence, other_version, other_label, other_confidence, at };
}

function insertComparisons(sql: postgres.Sql, schema: string, rows: string): Promise<unknown> {
  const table = sql.unsafe(`${quoted(schema)}.imagebus_comparisons`);
  return sql`
    INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, ${rows}::text::json)
    ON CONFLICT DO NOTHING`;
}
