import type postgres from "npm:postgres@3.4.9";
import { parseAddress } from "../../actors/sinks/postgres/address.ts";
import { connectTo, targetOf } from "../../actors/sinks/postgres/connection.ts";
import { explain, type Target } from "../../actors/sinks/postgres/errors.ts";
import {
  COMPARISONS_SINCE,
  locate,
  type Located,
  migrate,
  quoted,
} from "../../actors/sinks/postgres/schema.ts";
import type { Database } from "./database.ts";

/**
 * Connects to the results in a PostgreSQL database.
 *
 * @param url As `--sink` takes it.
 * @param writable Whether they will be changed; the schema is then migrated.
 * @returns `null` when the database has none yet.
 * @throws {SinkError} `invalid`, `unavailable`: as `postgresSink`.
 */
export async function openPostgres(url: string, writable: boolean): Promise<Database | null> {
  const address = parseAddress(url);
  const sql = connectTo(address);
  const target = targetOf(sql);
  const name = `postgres ${target.user}@${target.server}/${target.database}`;
  try {
    const found = await locate(sql, address.schemas);
    if (!found) {
      await sql.end({ timeout: 5 });
      return null;
    }
    if (writable) await migrate(sql, address.schemas);
    return new PostgresResults(name, sql, target, found);
  } catch (error) {
    await sql.end({ timeout: 0 });
    throw explain(error, target);
  }
}

class PostgresResults implements Database {
  readonly mark = "$";
  readonly hasName = "label ~ '[^0-9]'";
  readonly name: string;
  readonly table: string;
  readonly comparisons: string | null;
  readonly #sql: postgres.Sql;
  readonly #target: Target;

  constructor(name: string, sql: postgres.Sql, target: Target, { schema, version }: Located) {
    this.name = name;
    this.#sql = sql;
    this.#target = target;
    const prefix = quoted(schema);
    this.table = `${prefix}.imagebus_results`;
    this.comparisons = version >= COMPARISONS_SINCE ? `${prefix}.imagebus_comparisons` : null;
  }

  async all(sql: string, values: readonly (string | number)[]) {
    try {
      return await this.#sql.unsafe(sql, [...values]);
    } catch (error) {
      throw explain(error, this.#target);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sql.end({ timeout: 5 });
  }
}
