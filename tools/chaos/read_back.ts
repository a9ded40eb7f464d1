import { DatabaseSync } from "node:sqlite";
import postgres from "npm:postgres@3.4.9";
import type { Bus } from "../../bus/bus.ts";
import { decodeResult } from "../../bus/envelope.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import { Audit, type StoredRow, type Verdict } from "./audit.ts";
import type { Assignment } from "./pictures.ts";

/** Where the results of a run were kept. */
export interface Databases {
  /** Path of the SQLite database. */
  readonly results: string;
  /** URL of the PostgreSQL; `null` for none. */
  readonly postgres: string | null;
}

/**
 * Reads back everything that a run has left, and judges it.
 *
 * @param bus The bus, with nobody at work on it any more.
 * @param databases Where the results were kept.
 * @param assignment What was sent.
 * @throws {BusError} When the bus can't be read.
 */
export async function readBack(bus: Bus, databases: Databases, assignment: Assignment): Promise<Verdict> {
  const { results, postgres } = databases;
  const audit = new Audit(assignment, postgres === null ? 1 : 2);
  readSqlite(results, audit);
  if (postgres !== null) await readPostgres(postgres, audit);
  await readAnswers(bus, audit);
  for await (const { id, error, value } of bus.deadLetters()) {
    audit.deadLetter({ id, code: error.code, value });
  }
  return audit.verdict();
}

function readSqlite(path: string, audit: Audit): void {
  using database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare("SELECT id, label, error_code AS code FROM results").iterate();
  for (const row of rows) audit.row(row as unknown as StoredRow);
}

async function readPostgres(url: string, audit: Audit): Promise<void> {
  const sql = postgres(url, { max: 1, fetch_types: false });
  try {
    const rows = sql<StoredRow[]>`SELECT id, label, error_code AS code FROM imagebus_results`;
    for await (const some of rows.cursor(1_000)) for (const row of some) audit.row(row, 1);
  } finally {
    await sql.end();
  }
}

async function readAnswers(bus: Bus, audit: Audit): Promise<void> {
  await using results = await bus.transport.subscribe([RESULTS_TOPIC], { from: "start", until: "end" });
  for await (const { messages } of results) {
    for (const message of messages) {
      const result = decodeResult(message);
      if (result) audit.answer(result.id);
    }
  }
}
