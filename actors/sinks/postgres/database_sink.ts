import type postgres from "npm:postgres@3.4.9";
import { SinkError } from "../errors.ts";
import { type Address, parseAddress } from "./address.ts";
import { connectTo, targetOf } from "./connection.ts";
import { explain, type Target } from "./errors.ts";
import { migrate } from "./schema.ts";
import { type ResultRow, rowOf } from "../result_row.ts";
import type { ClosableSink, Settled } from "../sink.ts";

/** One connection at a time. One that failed is discarded: none of its state can reach the next attempt. */
export class DatabaseSink implements ClosableSink {
  readonly name: string;
  readonly #address: Address;
  readonly #timeoutMs: number;
  readonly #target: Target;
  #connection: postgres.Sql | undefined;
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
    this.#address = parseAddress(url);
    this.#timeoutMs = timeoutMs;
    this.#connection = connectTo(this.#address);
    this.#target = targetOf(this.#connection);
    this.name = `postgres ${this.#target.user}@${this.#target.server}/${this.#target.database}`;
  }

  /** Connects, and migrates the schema. */
  async open(): Promise<void> {
    await this.#attempt(async (sql) => {
      this.#schema = await migrate(sql, this.#address.schemas);
    });
  }

  async write(batch: readonly Settled[]): Promise<void> {
    const rows = JSON.stringify(rowsOf(batch), storable);
    if (this.#connection === undefined) await this.open();
    await this.#attempt((sql) => insert(sql, this.#schema, rows));
  }

  async close(): Promise<void> {
    await this.#connection?.end({ timeout: 5 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #attempt(work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
    const sql = this.#connection ??= connectTo(this.#address);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      sql.end({ timeout: 0 });
    }, this.#timeoutMs);
    try {
      await work(sql);
    } catch (error) {
      this.#connection = undefined;
      await sql.end({ timeout: 0 });
      throw late ? this.#timeout(error) : explain(error, this.#target);
    } finally {
      clearTimeout(timer);
    }
  }

  #timeout(cause: unknown): SinkError {
    const message = `PostgreSQL at ${this.#target.server} did not answer within ${this.#timeoutMs} ms`;
    return new SinkError("unavailable", message, { cause });
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

function storable(_key: string, value: unknown): unknown {
  return typeof value === "string" ? wellFormed(value) : value;
}

function wellFormed(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\ufffd");
}

/** The rows are one parameter, so the statement is the same for any number of rows. */
function insert(sql: postgres.Sql, schema: string, rows: string): Promise<unknown> {
  const table = sql(`${schema}.imagebus_results`);
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
