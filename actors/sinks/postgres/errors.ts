import postgres from "npm:postgres@3.4.9";
import { ActorError } from "../../errors.ts";

/** Where a sink writes: without the password. */
export interface Target {
  /** `host:port`, or several. */
  readonly server: string;
  readonly database: string;
  readonly user: string;
}

/**
 * Says what went wrong with a database, and what would be right.
 *
 * @param error What the client threw. SQLSTATE codes: PostgreSQL's manual, appendix A.
 * @param target Where it was writing.
 * @returns `invalid` for what someone must mend, `sink_unavailable` for what passes, else `sink`. What is no error of the
 * database, such as a permission that Deno refuses, as it is.
 */
export function explain(error: unknown, target: Target): Error {
  if (error instanceof ActorError || error instanceof Deno.errors.NotCapable) return error;
  const { message, code = "" } = error as Error & { code?: string };
  const cause = { cause: error };
  const mistake = error instanceof postgres.PostgresError ? mistakeOf(code, message, target) : undefined;
  if (mistake !== undefined) return new ActorError("invalid", mistake, cause);
  const reason = message || code;
  if (isAway(code)) {
    return new ActorError("sink_unavailable", `PostgreSQL at ${target.server} is away: ${reason}`, cause);
  }
  return new ActorError("sink", `PostgreSQL at ${target.server} refuses: ${reason}`, cause);
}

function mistakeOf(code: string, message: string, { server, database, user }: Target): string | undefined {
  switch (code) {
    case "28000":
    case "28P01":
      return `PostgreSQL at ${server} does not let user "${user}" in: ${message}. ` +
        "Expected postgres://USER:PASSWORD@HOST/DATABASE, or the password in PGPASSWORD";
    case "3D000":
      return `PostgreSQL at ${server} has no database "${database}": create it, or name another one`;
    case "3F000":
    case "42501":
      return `User "${user}" may not create or write the results in database "${database}" on ${server}: ` +
        `${message}. It needs GRANT CREATE, USAGE on a schema of its search_path`;
    case "42P07":
      return `Database "${database}" on ${server} has a table of another program: ${message}`;
    default:
      return undefined;
  }
}

/** Connections that fail or end, servers that start or stop, or have no room now. */
function isAway(code: string): boolean {
  return /^(E[A-Z]{3,}|CONNECT.*|08...|53...|57P..)$/.test(code);
}
