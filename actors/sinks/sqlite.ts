import { setImmediate as yieldToEventLoop } from "node:timers/promises";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { Comparison } from "../../bus/comparison.ts";
import { messageOf } from "../../lib/coded_error.ts";
import { identify, whenUnlocked } from "../../lib/sqlite.ts";
import { explainSqliteError, type SqliteFault } from "../../lib/sqlite_errors.ts";
import { ResultsSync } from "./results_sync.ts";
import { SinkError } from "./errors.ts";
import { rowOf } from "./result_row.ts";
import type { Settled, Sink } from "./sink.ts";

/** `application_id` of the file, so that another database is not taken for it: "imgr". */
const APPLICATION_ID = 0x696d6772;

/** Faults that are no mistake of the user. */
const PASSING: ReadonlySet<SqliteFault["code"]> = new Set(["locked", "full", "unavailable"]);

const TABLE = `
  CREATE TABLE IF NOT EXISTS results (
    id            TEXT PRIMARY KEY NOT NULL,  -- what send returned
    model         TEXT,                       -- null where the request could not be read
    model_version TEXT,
    status        TEXT NOT NULL,              -- classified | failed
    label         TEXT,
    label_index   INTEGER,
    confidence    REAL,                       -- 0 to 1
    top           TEXT,                       -- JSON: the best classes, the answer first
    actual        TEXT,                       -- the true label, where the sender gave it
    error_code    TEXT,
    error_message TEXT,
    at            TEXT NOT NULL,              -- ISO 8601, UTC
    waited_ms     REAL NOT NULL,
    took_ms       REAL NOT NULL,
    file_name     TEXT,                       -- where the sender gave it
    unknown       INTEGER,                    -- 1: probably none of the model's classes; null without a threshold
    labelled_at   TEXT                        -- when the true label was recorded or corrected afterwards
  ) STRICT;
`;

const COMPARISONS = `
  CREATE TABLE IF NOT EXISTS comparisons (
    id                TEXT NOT NULL,      -- of the request
    model             TEXT NOT NULL,
    actual            TEXT,               -- the true label, where the sender gave it
    version           TEXT NOT NULL,      -- that gave the result
    label             TEXT,               -- null for a failure
    confidence        REAL,
    other_version     TEXT NOT NULL,      -- the shadow
    other_label       TEXT,
    other_confidence  REAL,
    at                TEXT NOT NULL,      -- ISO 8601, UTC
    PRIMARY KEY (id, other_version)
  ) STRICT, WITHOUT ROWID;
`;

const INDEX_AND_VIEWS = `
  CREATE INDEX IF NOT EXISTS results_by_time ON results (at);

  -- Senders give the true label by name or by index; where labels are numbers themselves, it is the name.
  CREATE VIEW IF NOT EXISTS accuracy_by_label AS
    SELECT model, model_version, actual, count(*) AS images, sum(correct) AS correct, avg(correct) AS accuracy
    FROM (
      SELECT *, label = actual OR (label GLOB '*[^0-9]*' AND CAST(label_index AS TEXT) = actual) AS correct
      FROM results WHERE status = 'classified' AND actual IS NOT NULL
    )
    GROUP BY model, model_version, actual;

  CREATE VIEW IF NOT EXISTS unknown_by_model AS
    SELECT model, model_version, count(*) AS images, sum(unknown) AS unknown, avg(unknown) AS share
    FROM results WHERE unknown IS NOT NULL GROUP BY model, model_version;

  CREATE VIEW IF NOT EXISTS throughput_by_minute AS
    SELECT substr(at, 1, 16) || 'Z' AS minute, model, count(*) AS images, sum(status = 'failed') AS failed,
      avg(waited_ms) AS mean_waited_ms, max(waited_ms) AS max_waited_ms, avg(took_ms) AS mean_took_ms
    FROM results GROUP BY minute, model;

  CREATE VIEW IF NOT EXISTS failures_by_code AS
    SELECT error_code, model, count(*) AS images, min(at) AS first_at, max(at) AS last_at
    FROM results WHERE status = 'failed' GROUP BY error_code, model;
`;

/** Added to files that were created before them, in this order. */
const LATER_COLUMNS = { file_name: "TEXT", unknown: "INTEGER", labelled_at: "TEXT" };

const BUSY_TIMEOUT_MS = 5_000;
/** SQLite's own wait blocks the thread, and with it the heartbeats of the bus: beyond this, `whenUnlocked` waits. */
const BLOCKED_MS = 10;

/** The first result of an id stays, but a success replaces a failure; a label that was recorded afterwards stays then. */
const INSERT = `
  INSERT INTO results (
    id, model, model_version, status, label, label_index, confidence, top, actual, error_code, error_message, at,
    waited_ms, took_ms, file_name, unknown
  )
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET
    model = excluded.model, model_version = excluded.model_version, status = excluded.status, label = excluded.label,
    label_index = excluded.label_index, confidence = excluded.confidence, top = excluded.top,
    error_code = excluded.error_code, error_message = excluded.error_message, at = excluded.at,
    waited_ms = excluded.waited_ms, took_ms = excluded.took_ms, file_name = excluded.file_name,
    unknown = excluded.unknown,
    actual = CASE WHEN results.labelled_at IS NULL THEN excluded.actual ELSE results.actual END
  WHERE results.status = 'failed' AND excluded.status = 'classified'`;

/**
 * Stores results in a SQLite file: one row per id in the table `results`, with views (docs/results.md). The
 * first result of an id stays, except that a success replaces a failure. Several services may share the file.
 * Rows survive the end of the process and of the machine.
 *
 * @param path The file; it is created in an existing directory.
 * @returns The sink.
 * @throws {SinkError} `invalid` when the file cannot be used or belongs to another program; `failed` when it is locked or
 * its disk fails.
 */
export async function sqliteSink(path: string): Promise<Required<Sink>> {
  const database = await openResultsDatabase(path);
  database.exec(`PRAGMA busy_timeout = ${BLOCKED_MS}`);
  const insert = database.prepare(INSERT);
  const compare = database.prepare("INSERT OR IGNORE INTO comparisons VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const log = new ResultsSync(database, path);
  const store = async (statement: StatementSync, rows: readonly SQLInputValue[][]) => {
    await whenUnlocked(() => runAll(database, statement, rows), isLocked, BUSY_TIMEOUT_MS);
    await log.sync();
  };
  const sink: Required<Sink> = {
    name: `sqlite ${path}`,
    async write(batch) {
      // node:sqlite blocks the thread: the results topic, which askers wait for, goes first.
      await yieldToEventLoop();
      await store(insert, batch.map(values));
    },
    async compare(batch) {
      await store(compare, batch.map(comparedValues));
    },
    async close() {
      await Promise.resolve();
      log[Symbol.dispose]();
      database.close();
    },
    [Symbol.asyncDispose]: () => sink.close(),
  };
  return sink;
}

/**
 * Opens the file of {@linkcode sqliteSink} for writing: creates the table or adds the columns that it lacks.
 *
 * @param path The file.
 * @throws {SinkError} As {@linkcode sqliteSink}.
 */
export async function openResultsDatabase(path: string): Promise<DatabaseSync> {
  try {
    return await whenUnlocked(() => openOnce(path), isLocked, BUSY_TIMEOUT_MS);
  } catch (cause) {
    if (cause instanceof SinkError || cause instanceof Deno.errors.NotCapable) throw cause;
    const fault = explainSqliteError(cause);
    const code = fault && PASSING.has(fault.code) ? "failed" : "invalid";
    const reason = fault?.message ?? messageOf(cause);
    throw new SinkError(code, `Cannot open the results database ${path}: ${reason}`, { cause });
  }
}

/** Several services may create the file at once: whoever holds its lock checks it and creates the table. */
function openOnce(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec("BEGIN IMMEDIATE");
    refuseForeign(database, path);
    database.exec(TABLE);
    database.exec(COMPARISONS);
    addLaterColumns(database);
    database.exec(INDEX_AND_VIEWS);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; COMMIT`);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function addLaterColumns(database: DatabaseSync): void {
  const rows = database.prepare("SELECT name FROM pragma_table_info('results')").all();
  const present = new Set(rows.map(({ name }) => name));
  for (const [name, type] of Object.entries(LATER_COLUMNS)) {
    if (!present.has(name)) database.exec(`ALTER TABLE results ADD COLUMN ${name} ${type}`);
  }
}

function isLocked(error: unknown): boolean {
  return explainSqliteError(error)?.code === "locked";
}

function refuseForeign(database: DatabaseSync, path: string): void {
  const { applicationId, isEmpty } = identify(database);
  if (applicationId === APPLICATION_ID || isEmpty) return;
  throw new SinkError(
    "invalid",
    `Cannot store results in ${path}: it is the database of another program; choose another file`,
  );
}

/** In one transaction. */
function runAll(database: DatabaseSync, statement: StatementSync, rows: readonly SQLInputValue[][]): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const row of rows) statement.run(...row);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function comparedValues({ id, model, actual, served, other, at }: Comparison): SQLInputValue[] {
  const answers = [served, other].flatMap(({ version, label, confidence }) => [version, label, confidence]);
  return [id, model, actual, ...answers, at];
}

function values({ result }: Settled): SQLInputValue[] {
  const row = rowOf(result);
  const unknown = row.unknown === null ? null : Number(row.unknown);
  return Object.values({ ...row, top: row.top && JSON.stringify(row.top), unknown });
}
