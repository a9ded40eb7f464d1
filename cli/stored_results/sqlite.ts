import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { SinkError } from "../../actors/sinks/errors.ts";
import { openResultsDatabase } from "../../actors/sinks/sqlite.ts";
import { messageOf } from "../../lib/coded_error.ts";
import { explainSqliteError } from "../../lib/sqlite_errors.ts";
import { UsageError } from "../command.ts";
import { fileFailure, statIfAny } from "../file_failure.ts";
import type { Database, Row, Value } from "./database.ts";

/**
 * Opens a file of results.
 *
 * @param path Its path; it is never created.
 * @param writable Whether it will be changed; columns that it lacks are then added.
 * @returns `null` when there is no such file.
 * @throws {UsageError} If it is something else.
 */
export async function openSqlite(path: string, writable: boolean): Promise<Database | null> {
  const info = await statIfAny(path);
  if (info === null) return null;
  if (info.isDirectory) throw noResults(path, "it is a directory");
  const { database, isFrozen } = await open(path, writable);
  return {
    name: path,
    table: "results",
    comparisons: hasComparisons(database) ? "comparisons" : null,
    mark: "?",
    hasName: "label GLOB '*[^0-9]*'",
    all: (sql, values) =>
      isFrozen ? readAnew(path, sql, values) : Promise.resolve(rowsOf(database, sql, values)),
    async [Symbol.asyncDispose]() {
      await Promise.resolve();
      database.close();
    },
  };
}

function hasComparisons(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'comparisons'").get() !== undefined;
}

function rowsOf(database: DatabaseSync, sql: string, values: readonly Value[]): Row[] {
  return database.prepare(sql).all(...values);
}

/** By the next statement a service may have begun to write the file. */
async function readAnew(path: string, sql: string, values: readonly Value[]): Promise<Row[]> {
  const { database } = await open(path, false);
  try {
    return rowsOf(database, sql, values);
  } finally {
    database.close();
  }
}

interface Opened {
  readonly database: DatabaseSync;
  /** Whether changes of the file are not seen. */
  readonly isFrozen: boolean;
}

async function open(path: string, writable: boolean): Promise<Opened> {
  try {
    if (writable) return { database: checked(await openResultsDatabase(path)), isFrozen: false };
    return await openToRead(path);
  } catch (cause) {
    if (cause instanceof SinkError || cause instanceof Deno.errors.NotCapable) throw cause;
    if (cause instanceof Deno.errors.PermissionDenied) throw fileFailure("read", path, cause);
    const fault = explainSqliteError(cause);
    if (fault?.code !== "denied" && fault?.code !== "locked") throw noResults(path, messageOf(cause), cause);
    throw new UsageError(`Cannot read results: ${path}: ${fault.message}`, { cause });
  }
}

/**
 * SQLite reads a file with a write-ahead log only where it can create the log. Where this user cannot, and there is none, no
 * service has the file open, and it is complete without.
 */
async function openToRead(path: string): Promise<Opened> {
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    return { database: checked(database), isFrozen: false };
  } catch (cause) {
    if (explainSqliteError(cause)?.code !== "denied" || await statIfAny(`${path}-wal`) !== null) throw cause;
    // SQLite does not distinguish a file that this user may not read.
    (await Deno.open(path)).close();
    const url = new URL("?immutable=1", pathToFileURL(resolve(path)));
    return { database: checked(new DatabaseSync(url, { readOnly: true })), isFrozen: true };
  }
}

/** Closes what has no results. */
function checked(database: DatabaseSync): DatabaseSync {
  try {
    rowsOf(database, "SELECT status FROM results LIMIT 1", []);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function noResults(path: string, reason: string, cause?: unknown): UsageError {
  return new UsageError(`Cannot read results: ${path} is no database of results: ${reason}`, { cause });
}
