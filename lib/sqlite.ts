/**
 * What all SQLite files of this project have in common: how they are opened, and how a foreign one is recognised.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { Backoff } from "./backoff.ts";

/** The owner of a file, from its header. */
export interface SqliteIdentity {
  /** `application_id` of the header; 0 when nobody has set it. */
  readonly applicationId: number;
  /** `user_version` of the header: version of the schema. */
  readonly version: number;
  /** Whether there is nothing in it yet. */
  readonly isEmpty: boolean;
}

/**
 * Reads who owns a database.
 *
 * @param database Open.
 */
export function identify(database: DatabaseSync): SqliteIdentity {
  if (database.isTransaction) return readIdentity(database);
  // Another process may be creating the tables: all is read from one state of the file.
  database.exec("BEGIN");
  try {
    return readIdentity(database);
  } finally {
    if (database.isTransaction) database.exec("ROLLBACK");
  }
}

function readIdentity(database: DatabaseSync): SqliteIdentity {
  const number = (sql: string) => Number(Object.values(database.prepare(sql).get()!)[0]);
  const applicationId = number("PRAGMA application_id");
  const version = number("PRAGMA user_version");
  const tables = number("SELECT count(*) FROM sqlite_schema");
  return { applicationId, version, isEmpty: applicationId === 0 && version === 0 && tables === 0 };
}

/**
 * Works on a database that other processes may keep locked, without blocking the thread. SQLite's own wait blocks it, and for
 * the lock that changes the journal mode there is none, whatever the timeout.
 *
 * @param work Synchronous; leaves nothing behind when it throws.
 * @param isLocked Whether what it threw can pass by waiting.
 * @param timeoutMs How long to try again, in milliseconds.
 * @throws What `work` throws, when it is something else or time is up.
 */
export async function whenUnlocked<T>(
  work: () => T,
  isLocked: (error: unknown) => boolean,
  timeoutMs: number,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  const backoff = new Backoff({ initialMs: 10, maxMs: 50 });
  while (true) {
    try {
      return work();
    } catch (error) {
      if (!isLocked(error) || performance.now() >= deadline) throw error;
    }
    await backoff.wait();
  }
}
