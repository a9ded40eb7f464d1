import type { ClosableSink } from "./sink.ts";

/** How a database is written. */
export interface PostgresSinkOptions {
  /** A batch, or the start, that takes longer has failed; in milliseconds. @default {30_000} */
  readonly timeoutMs?: number;
}

/**
 * Stores results in PostgreSQL: one row per id, in the table `imagebus_results`, with views on it
 * (docs/results.md). Table and views are created and migrated at the start. The first result of an id stays,
 * except that a success replaces a failure. Any number of services may share the database. As durable as the
 * server commits.
 *
 * When the server becomes unavailable, during a batch or between two, the batch is rejected; the next attempt
 * connects again. What PostgreSQL's text cannot hold, the character NUL and halves of surrogate pairs, is
 * stored as U+FFFD.
 *
 * Needs `--allow-net` for the server, and `--allow-env`: what the URL lacks is taken from `PGUSER`,
 * `PGPASSWORD`, …
 *
 * @param url `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; `?search_path=SCHEMA` for another schema than
 * `public`, `?sslmode=verify-full` for TLS.
 * @param options Timeouts.
 * @returns The sink, connected.
 * @throws {SinkError} `invalid` for what the user must fix: the URL, user, password, database, rights;
 * `unavailable` when the server cannot be reached.
 */
export async function postgresSink(url: string, options: PostgresSinkOptions = {}): Promise<ClosableSink> {
  // The client is loaded only where it is used.
  const { DatabaseSink } = await import("./postgres/database_sink.ts");
  const sink = new DatabaseSink(url, options.timeoutMs ?? 30_000);
  await sink.open();
  return sink;
}
