import postgres from "npm:postgres@3.4.9";
import { findPostgres, type PostgresServer, startPostgres } from "./postgres.ts";

/** Why a test that needs PostgreSQL is skipped; `undefined` when it is not. */
export const NO_POSTGRES: string | undefined = await findPostgres() === undefined
  ? "PostgreSQL is not installed"
  : undefined;

/** One server per test file: started immediately, ended after the last test. */
export async function serverOfTests(): Promise<PostgresServer | undefined> {
  if (NO_POSTGRES !== undefined) return undefined;
  const server = await startPostgres();
  Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());
  return server;
}

/** Executes a statement on a new connection, and returns its rows. */
export async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    return [...await sql.unsafe(statement)];
  } finally {
    await sql.end();
  }
}

/** Creates a schema, which is quicker than a database, and returns its URL. */
export async function createSchema(server: PostgresServer): Promise<string> {
  const name = `test_${crypto.randomUUID().slice(0, 8)}`;
  await query(server.url, `CREATE SCHEMA ${name}`);
  return `${server.url}?search_path=${name}`;
}

/** Creates a database, and returns its URL. */
export async function createDatabase(server: PostgresServer, settings = ""): Promise<string> {
  const name = `test_${crypto.randomUUID().slice(0, 8)}`;
  await query(server.url, `CREATE DATABASE ${name} ${settings}`);
  return server.url.replace(/[^/]+$/, name);
}
