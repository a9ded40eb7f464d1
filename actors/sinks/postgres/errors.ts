import postgres from "npm:postgres@3.4.9";
import { SinkError } from "../errors.ts";

/** Where a sink writes, without the password. */
export interface Target {
  /** `host:port`, or several. */
  readonly server: string;
  readonly database: string;
  readonly user: string;
}

/**
 * Explains why a database could not be written, and what would be right.
 *
 * @param error What the client threw. SQLSTATE codes: PostgreSQL's manual, appendix A.
 * @param target Where it was writing.
 * @returns `invalid` for what the user must fix, `unavailable` for what can pass by itself, else `failed`.
 * Errors that do not come from the database, such as a permission that Deno refuses, are returned unchanged.
 */
export function explain(error: unknown, target: Target): Error {
  if (error instanceof SinkError || error instanceof Deno.errors.NotCapable) return error;
  const { message, code = "" } = error as Error & { code?: string };
  const cause = { cause: error };
  const mistake = error instanceof postgres.PostgresError
    ? mistakeOf(code, message, target)
    : tlsMistakeOf(message, target);
  if (mistake !== undefined) return new SinkError("invalid", mistake, cause);
  const reason = message || code;
  if (isUnavailable(code)) {
    return new SinkError("unavailable", `PostgreSQL at ${target.server} is unavailable: ${reason}`, cause);
  }
  return new SinkError("failed", `PostgreSQL at ${target.server} refused the results: ${reason}`, cause);
}

function loginFailed(message: string, { server, user }: Target): string {
  return `Cannot log in to PostgreSQL at ${server} as "${user}": ${message}; ` +
    "expected postgres://USER:PASSWORD@HOST/DATABASE, or the password in PGPASSWORD";
}

function mistakeOf(code: string, message: string, target: Target): string | undefined {
  const { server, database, user } = target;
  switch (code) {
    case "28000":
      if (!/no encryption/.test(message)) return loginFailed(message, target);
      return `PostgreSQL at ${server} refuses connections without TLS: ${message}; expected ?sslmode=require, or ` +
        "verify-full with ?sslrootcert=FILE";
    case "28P01":
      return loginFailed(message, target);
    case "3D000":
      return `PostgreSQL at ${server} has no database "${database}"; create it, or choose another one`;
    case "3F000":
    case "42501":
      return `User "${user}" may not create or write the results in database "${database}" on ${server}: ` +
        `${message}; it needs GRANT CREATE, USAGE on a schema of its search_path`;
    case "42704":
      return `PostgreSQL at ${server} does not know a parameter of the URL: ${message}; expected a URL without it`;
    case "42P07":
      return `Database "${database}" on ${server} has a table of another program: ${message}; choose another ` +
        "database or schema";
    default:
      return undefined;
  }
}

/** Of the handshake, in the words of the runtime. */
function tlsMistakeOf(message: string, { server }: Target): string | undefined {
  if (/before secure TLS connection/.test(message)) {
    return `PostgreSQL at ${server} does not accept TLS: expected another server, or ?sslmode=disable`;
  }
  if (!/certificate/i.test(message)) return undefined;
  return `Cannot trust PostgreSQL at ${server}: ${message}; expected ?sslrootcert=FILE with the certificate of its ` +
    "authority, and the host as the certificate has it";
}

/**
 * Connections that fail or end; servers that start, stop, are read-only, or out of resources; what waits for a lock, or
 * is cancelled.
 */
function isUnavailable(code: string): boolean {
  return /^(E[A-Z]{3,}|CONNECT.*|08...|25006|40...|53...|55P03|57...)$/.test(code);
}
