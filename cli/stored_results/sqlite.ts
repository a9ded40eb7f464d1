import { DatabaseSync } from "node:sqlite";
import { SinkError } from "../../actors/sinks/errors.ts";
import { openResultsDatabase } from "../../actors/sinks/sqlite.ts";
import { messageOf } from "../../lib/coded_error.ts";
import { ifFound } from "../../lib/if_found.ts";
import { explainSqliteError } from "../../lib/sqlite_errors.ts";
import { UsageError } from "../command.ts";
import type { Database } from "./database.ts";

/**
 * Opens a file of results.
 *
 * @param path Its path; it is never created.
 * @param writable Whether it will be changed; columns that it lacks are then added.
 * @returns `null` when there is no such file.
 * @throws {UsageError} If it is something else.
 */
export async function openSqlite(path: string, writable: boolean): Promise<Database | null> {
  if (await ifFound(Deno.stat(path)) === null) return null;
  const database = await open(path, writable);
  return {
    name: path,
    table: "results",
    comparisons: hasComparisons(database) ? "comparisons" : null,
    mark: "?",
    hasName: "label GLOB '*[^0-9]*'",
    all: (sql, values) => Promise.resolve(database.prepare(sql).all(...values)),
    async [Symbol.asyncDispose]() {
      await Promise.resolve();
      database.close();
    },
  };
}

function hasComparisons(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'comparisons'").get() !== undefined;
}

async function open(path: string, writable: boolean): Promise<DatabaseSync> {
  let database: DatabaseSync | undefined;
  try {
    database = writable
      ? await openResultsDatabase(path)
      : new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    database.prepare("SELECT status FROM results LIMIT 1").get();
    return database;
  } catch (cause) {
    database?.close();
    if (cause instanceof SinkError || cause instanceof Deno.errors.NotCapable) throw cause;
    const fault = explainSqliteError(cause);
    const reason = fault?.code === "denied" || fault?.code === "locked"
      ? `: ${fault.message}`
      : ` is no database of results: ${messageOf(cause)}`;
    throw new UsageError(`Cannot read results: ${path}${reason}`, { cause });
  }
}
