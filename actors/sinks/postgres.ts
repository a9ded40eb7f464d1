import type { Sink } from "./sink.ts";

/** How a database is written. */
export interface PostgresSinkOptions {
  /** A batch, or the start, that takes longer has failed; in milliseconds. @default {30_000} */
  readonly timeoutMs?: number;
}

/**
 * Keeps results in PostgreSQL: one row an id, in the table `imagebus_results`, with views on it (docs/results.md). Table and
 * views are made, and brought up to date, at the start. The first answer stays, except that a failure gives way to a
 * success. Any number of workers may share the database. As durable as the server commits.
 *
 * A server that goes away, while writing or between, rejects the batch; the next try connects again. What PostgreSQL's
 * text can't hold, the character NUL and halves of surrogate pairs, is stored as U+FFFD.
 *
 * Needs `--allow-net` to the server, and `--allow-env`: what the URL does not say is looked up in `PGUSER`, `PGPASSWORD`, …
 *
 * @param url `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; `?search_path=SCHEMA` for another schema than `public`,
 * `?sslmode=verify-full` for TLS.
 * @param options Bounds.
 * @throws {ActorError} `invalid` for what someone must mend: the URL, user, password, database, rights;
 * `sink_unavailable` when the server can't be reached.
 */
export async function postgresSink(url: string, options: PostgresSinkOptions = {}): Promise<Sink> {
  // The client is loaded only by those who use it.
  const { DatabaseSink } = await import("./postgres/database_sink.ts");
  const sink = new DatabaseSink(url, options.timeoutMs ?? 30_000);
  await sink.open();
  return sink;
}
