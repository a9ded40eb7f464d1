import type postgres from "npm:postgres@3.4.9";
import { SinkError } from "../errors.ts";

/** Any number, the same in all versions: whoever holds this advisory lock may change the schema. */
const MIGRATION_LOCK = 0x696d6772;

/** The first version that has comparisons. */
export const COMPARISONS_SINCE = 5;

/** The schema, step by step. A released step is never edited: a change is one more step. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE imagebus_results (
    id            text PRIMARY KEY,
    model         text,
    model_version text,
    status        text NOT NULL,
    label         text,
    label_index   integer,
    confidence    double precision,
    top           jsonb,
    actual        text,
    error_code    text,
    error_message text,
    at            timestamptz NOT NULL,
    waited_ms     double precision NOT NULL,
    took_ms       double precision NOT NULL
  );
  CREATE INDEX imagebus_results_by_time ON imagebus_results (at);

  COMMENT ON COLUMN imagebus_results.id IS 'what send returned';
  COMMENT ON COLUMN imagebus_results.model IS 'null where the message did not say';
  COMMENT ON COLUMN imagebus_results.status IS 'classified | failed';
  COMMENT ON COLUMN imagebus_results.confidence IS '0 to 1';
  COMMENT ON COLUMN imagebus_results.top IS 'the best classes, the answer first';
  COMMENT ON COLUMN imagebus_results.actual IS 'the true label, where the sender told it';

  -- Senders give the true label by name or by index; where labels are numbers themselves, it is the name.
  CREATE VIEW imagebus_accuracy_by_label AS
    SELECT model, model_version, actual, count(*) AS images, sum(correct) AS correct,
      avg(correct)::double precision AS accuracy
    FROM (
      SELECT *, (label = actual OR (label ~ '[^0-9]' AND label_index::text = actual))::integer AS correct
      FROM imagebus_results WHERE status = 'classified' AND actual IS NOT NULL
    ) AS judged
    GROUP BY model, model_version, actual;

  CREATE VIEW imagebus_throughput_by_minute AS
    SELECT date_trunc('minute', at) AS minute, model, count(*) AS images,
      count(*) FILTER (WHERE status = 'failed') AS failed, avg(waited_ms) AS mean_waited_ms,
      max(waited_ms) AS max_waited_ms, avg(took_ms) AS mean_took_ms
    FROM imagebus_results GROUP BY 1, 2;

  CREATE VIEW imagebus_failures_by_code AS
    SELECT error_code, model, count(*) AS images, min(at) AS first_at, max(at) AS last_at
    FROM imagebus_results WHERE status = 'failed' GROUP BY error_code, model;
`,
  `
  ALTER TABLE imagebus_results ADD COLUMN file_name text;
  COMMENT ON COLUMN imagebus_results.file_name IS 'name of the file of the image, where the sender gave it';
`,
  `
  ALTER TABLE imagebus_results ADD COLUMN unknown boolean;
  COMMENT ON COLUMN imagebus_results.unknown IS
    'whether the image probably shows none of the classes of the model; null where the model has no threshold';

  CREATE VIEW imagebus_unknown_by_model AS
    SELECT model, model_version, count(*) AS images, count(*) FILTER (WHERE unknown) AS unknown,
      avg(unknown::integer)::double precision AS share
    FROM imagebus_results WHERE unknown IS NOT NULL GROUP BY model, model_version;
`,
  `
  ALTER TABLE imagebus_results ADD COLUMN labelled_at timestamptz;
  COMMENT ON COLUMN imagebus_results.labelled_at IS 'when actual was recorded or corrected afterwards';
`,
  `
  CREATE TABLE IF NOT EXISTS imagebus_comparisons (
    id               text NOT NULL,
    model            text NOT NULL,
    actual           text,
    version          text NOT NULL,
    label            text,
    confidence       double precision,
    other_version    text NOT NULL,
    other_label      text,
    other_confidence double precision,
    at               timestamptz NOT NULL,
    PRIMARY KEY (id, other_version)
  );
  COMMENT ON TABLE imagebus_comparisons IS 'what a shadow answered beside the version that gave the result';
  COMMENT ON COLUMN imagebus_comparisons.actual IS 'the true label, where the sender gave it';
  COMMENT ON COLUMN imagebus_comparisons.label IS 'of the result; null for a failure';
  COMMENT ON COLUMN imagebus_comparisons.other_version IS 'the shadow';
`,
];

/**
 * Migrates the schema to this version: all missing steps in one transaction, under a lock, so that any number
 * of services may start at once. An up-to-date schema is only read: a user without the right to create tables
 * is enough.
 *
 * @param sql A connection.
 * @param schemas The `schemas` of the address. They are no setting of the connection, which poolers would refuse or hand
 * to others.
 * @returns The schema that holds the tables.
 * @throws {SinkError} `invalid` when the schema is of a later version of imagebus, or the encoding cannot
 * hold every text.
 * @throws What the server reports.
 */
export async function migrate(sql: postgres.Sql, schemas: readonly string[]): Promise<string> {
  await refuseEncoding(sql);
  const before = await locate(sql, schemas);
  if (before?.version === MIGRATIONS.length) return before.schema;
  // Under any other level a service that has waited for the lock would not see what its holder created.
  await sql.begin("ISOLATION LEVEL READ COMMITTED", async (transaction) => {
    const path = schemas.map(quoted).join();
    if (path !== "") await transaction`SELECT set_config('search_path', ${path}, true)`;
    await transaction`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK}::bigint)`;
    const version = (await locate(transaction, schemas))?.version ?? 0;
    if (version === 0) await transaction`CREATE TABLE imagebus_schema (version integer NOT NULL)`;
    for (const step of MIGRATIONS.slice(version)) await transaction.unsafe(step);
    await transaction`DELETE FROM imagebus_schema`;
    await transaction`INSERT INTO imagebus_schema VALUES (${MIGRATIONS.length}::integer)`;
  });
  return (await locate(sql, schemas))!.schema;
}

/** A name as SQL has it. The client would take a dot in it for the end of a schema. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** In another encoding, one label that it cannot hold would fail its batch for ever. */
async function refuseEncoding(sql: postgres.ISql): Promise<void> {
  const [row] = await sql`SELECT current_setting('server_encoding') AS encoding, current_database() AS name`;
  if (row?.["encoding"] === "UTF8") return;
  throw new SinkError(
    "invalid",
    `Database "${row?.["name"]}" has the encoding ${row?.["encoding"]}: expected UTF8; choose another one`,
  );
}

/** Where the tables are. */
export interface Located {
  readonly schema: string;
  /** Number of steps that were taken. */
  readonly version: number;
}

/**
 * Finds the tables.
 *
 * @param sql A connection.
 * @param schemas As for {@linkcode migrate}.
 * @returns The schema that holds them, and its version; `undefined` if there are none.
 * @throws {SinkError} `invalid` when they are of a later version of imagebus.
 */
export async function locate(
  sql: postgres.ISql,
  schemas: readonly string[],
): Promise<Located | undefined> {
  const names = schemas.join("\n");
  // Not to_regclass: it reads a cache that lacks what was created while this connection waited for the lock.
  const [found] = await sql`
    SELECT nspname AS schema FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = relnamespace
    WHERE relname = 'imagebus_schema' AND CASE WHEN ${names} = '' THEN pg_catalog.pg_table_is_visible(c.oid)
      ELSE nspname = ANY (string_to_array(${names}, chr(10))) END
    ORDER BY array_position(string_to_array(${names}, chr(10)), nspname::text) LIMIT 1`;
  if (!found) return undefined;
  const schema = String(found["schema"]);
  const [row] = await sql`SELECT version FROM ${sql.unsafe(`${quoted(schema)}.imagebus_schema`)}`;
  const version = Number(row?.["version"] ?? 0);
  if (version <= MIGRATIONS.length) return { schema, version };
  throw new SinkError(
    "invalid",
    `The results in this database are of a later imagebus (schema ${version}, here ${MIGRATIONS.length}): ` +
      "update this one, or choose another database",
  );
}
