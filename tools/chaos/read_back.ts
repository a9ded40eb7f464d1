import { DatabaseSync } from "node:sqlite";
import postgres from "npm:postgres@3.4.9";
import type { Bus } from "../../bus/bus.ts";
import { decodeDeadLetter } from "../../bus/dead_letter.ts";
import { decodeRequest, decodeResult } from "../../bus/envelope.ts";
import { DEAD_LETTERS_TOPIC, requestTopic, RESULTS_TOPIC } from "../../bus/topics.ts";
import type { Message } from "../../bus/transport/transport.ts";
import { Audit, type StoredRow, type Verdict } from "./audit.ts";
import type { Assignment } from "./images.ts";
import { type Counted, TopicCount } from "./topic_count.ts";
import { MODEL } from "./versions.ts";

/** Databases with the results of a run. */
export interface Databases {
  /** Path of the SQLite database. */
  readonly results: string;
  /** URL of a PostgreSQL; `null` if there is none. */
  readonly postgres: string | null;
}

/**
 * Reads back everything that a run has stored, and checks it.
 *
 * @param bus The bus, after all workers have stopped.
 * @param databases The databases of results.
 * @param assignment All images that were sent.
 * @param exactlyOnce Whether the topics must not hold anything twice either.
 * @throws {BusError} If the bus cannot be read.
 */
export async function readBack(
  bus: Bus,
  databases: Databases,
  assignment: Assignment,
  exactlyOnce = false,
): Promise<Verdict> {
  const { results, postgres } = databases;
  const audit = new Audit(assignment, postgres === null ? 1 : 2);
  readSqlite(results, audit);
  if (postgres !== null) await readPostgres(postgres, audit);
  for await (const id of readIds(bus, RESULTS_TOPIC, RESULT_ID)) audit.result(id);
  for await (const { id, error, value } of bus.deadLetters()) {
    audit.deadLetter({ id, code: error.code, value });
  }
  const verdict = audit.verdict();
  return exactlyOnce ? (await countTopics(bus, assignment)).judge(verdict) : verdict;
}

type IdOf = (message: Message) => string | undefined;

const RESULT_ID: IdOf = (message) => decodeResult(message)?.id;

/** Of each kind of record, its topic and its id. */
const COUNTED: readonly (readonly [what: Counted, topic: string, idOf: IdOf])[] = [
  ["request", requestTopic(MODEL), (message) => {
    const decoded = decodeRequest(message);
    return decoded.ok ? decoded.request.id : decoded.origin.id;
  }],
  ["result", RESULTS_TOPIC, RESULT_ID],
  ["dead letter", DEAD_LETTERS_TOPIC, (message) => decodeDeadLetter(message)?.id],
];

async function countTopics(bus: Bus, assignment: Assignment): Promise<TopicCount> {
  const count = new TopicCount(assignment);
  for (const [what, topic, idOf] of COUNTED) {
    for await (const id of readIds(bus, topic, idOf)) count.add(what, id);
  }
  return count;
}

async function* readIds(bus: Bus, topic: string, idOf: IdOf): AsyncGenerator<string> {
  await using subscription = await bus.transport.subscribe([topic], { from: "start", until: "end" });
  for await (const { messages } of subscription) yield* messages.map(idOf).filter((id) => id !== undefined);
}

const COLUMNS = "id, label, error_code AS code, model_version AS version, confidence";

function readSqlite(path: string, audit: Audit): void {
  using database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare(`SELECT ${COLUMNS} FROM results`).iterate();
  for (const row of rows) audit.row(row as unknown as StoredRow);
}

async function readPostgres(url: string, audit: Audit): Promise<void> {
  const sql = postgres(url, { max: 1, fetch_types: false });
  try {
    const rows = sql.unsafe<StoredRow[]>(`SELECT ${COLUMNS} FROM imagebus_results`);
    for await (const batch of rows.cursor(1_000)) for (const row of batch) audit.row(row, 1);
  } finally {
    await sql.end();
  }
}
