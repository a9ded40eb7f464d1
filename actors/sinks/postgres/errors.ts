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
  const mistake = error instanceof postgres.PostgresError ? mistakeOf(code, message, target) : undefined;
  if (mistake !== undefined) return new SinkError("invalid", mistake, cause);
  const reason = message || code;
  if (isUnavailable(code)) {
    return new SinkError("unavailable", `PostgreSQL at ${target.server} is unavailable: ${reason}`, cause);
  }
  return new SinkError("failed", `PostgreSQL at ${target.server} refused the results: ${reason}`, cause);
}

function mistakeOf(code: string, message: string, { server, database, user }: Target): string | undefined {
  switch (code) {
    case "28000":
    case "28P01":
      return `Cannot log in to PostgreSQL at ${server} as "${user}": ${message}; ` +
        "expected postgres://USER:PASSWORD@HOST/DATABASE, or the password in PGPASSWORD";
    case "3D000":
      return `PostgreSQL at ${server} has no database "${database}"; create it, or choose another one`;
    case "3F000":
    case "42501":
      return `User "${user}" may not create or write the results in database "${database}" on ${server}: ` +
        `${message}; it needs GRANT CREATE, USAGE on a schema of its search_path`;
    case "42P07":
      return `Database "${database}" on ${server} has a table of another program: ${message}; choose another ` +
        "database or schema";
    default:
      return undefined;
  }
}

/** Connections that fail or end; servers that start, stop, or are out of resources. */
function isUnavailable(code: string): boolean {
  return /^(E[A-Z]{3,}|CONNECT.*|08...|53...|57P..)$/.test(code);
}
