import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { ActorError } from "../errors.ts";
import type { Settled, Sink } from "./sink.ts";

/** `application_id` of the file, so that another database is not taken for it: "imgr". */
const APPLICATION_ID = 0x696d6772;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS results (
    id            TEXT PRIMARY KEY NOT NULL,  -- what send returned
    model         TEXT,                       -- null where the message did not say
    model_version TEXT,
    status        TEXT NOT NULL,              -- classified | failed
    label         TEXT,
    label_index   INTEGER,
    confidence    REAL,                       -- 0 to 1
    top           TEXT,                       -- JSON: the best classes, the answer first
    actual        TEXT,                       -- the true label, where the sender told it
    error_code    TEXT,
    error_message TEXT,
    at            TEXT NOT NULL,              -- ISO 8601, UTC
    waited_ms     REAL NOT NULL,
    took_ms       REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS results_by_time ON results (at);
`;

const INSERT = `
  INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET
    model = excluded.model, model_version = excluded.model_version, status = excluded.status, label = excluded.label,
    label_index = excluded.label_index, confidence = excluded.confidence, top = excluded.top, actual = excluded.actual,
    error_code = excluded.error_code, error_message = excluded.error_message, at = excluded.at,
    waited_ms = excluded.waited_ms, took_ms = excluded.took_ms
  WHERE results.status = 'failed' AND excluded.status = 'classified'`;

/**
 * Keeps results in a SQLite file: one row an id, in the table `results`. The first answer stays, except that a failure
 * gives way to a success. Several workers may share the file. Survives the end of the process and of the machine.
 *
 * @param path Where the file is, or shall be; its directory exists.
 * @throws {ActorError} `sink` when it can't be opened or is another kind of file.
 */
export function sqliteSink(path: string): Sink {
  const database = open(path);
  const insert = database.prepare(INSERT);
  const sink: Sink = {
    name: `sqlite ${path}`,
    // deno-lint-ignore require-await -- node:sqlite is synchronous, the contract is not
    async write(batch) {
      store(database, insert, batch);
    },
    async close() {
      await Promise.resolve();
      database.close();
    },
    [Symbol.asyncDispose]: () => sink.close(),
  };
  return sink;
}

function open(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path, { timeout: 5_000 });
    refuseForeign(database, path);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec(`BEGIN IMMEDIATE; ${SCHEMA}; PRAGMA application_id = ${APPLICATION_ID}; COMMIT`);
    return database;
  } catch (cause) {
    if (cause instanceof ActorError || cause instanceof Deno.errors.NotCapable) throw cause;
    throw new ActorError("sink", `Can't open the results database ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function refuseForeign(database: DatabaseSync, path: string): void {
  const id = database.prepare("PRAGMA application_id").get()?.["application_id"];
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"];
  if (id === APPLICATION_ID || tables === 0) return;
  database.close();
  throw new ActorError("sink", `${path} is a database of another program: name another file for the results`);
}

function store(database: DatabaseSync, insert: StatementSync, batch: readonly Settled[]): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const settled of batch) insert.run(...row(settled));
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function row({ result }: Settled): SQLInputValue[] {
  const answer = result.status === "classified"
    ? [
      result.modelVersion,
      result.status,
      result.label,
      result.index,
      result.confidence,
      JSON.stringify(result.top),
    ]
    : [null, result.status, null, null, null, null];
  const error = result.status === "failed" ? [result.error.code, result.error.message] : [null, null];
  return [
    result.id,
    result.model,
    ...answer,
    result.actual ?? null,
    ...error,
    result.at,
    result.waitedMs,
    result.tookMs,
  ];
}
