import { dirname } from "node:path";
import { explainSqliteError, type SqliteFault } from "../../../lib/sqlite_errors.ts";
import { BusError, type BusErrorCode } from "../errors.ts";

/** As a {@linkcode BusError}. */
const CODES: Readonly<Record<SqliteFault["code"], BusErrorCode>> = {
  locked: "unavailable",
  denied: "denied",
  damaged: "corrupt",
  foreign: "invalid",
  full: "queue_full",
  unavailable: "unavailable",
  too_large: "too_large",
};

/**
 * Translates errors of `node:sqlite` and Deno.
 *
 * @param error What was thrown.
 * @param path Of the file, for the message.
 * @returns A {@linkcode BusError} with the error as its cause; an error that has nothing to do with the file
 * is returned unchanged.
 */
export function toBusError(error: unknown, path: string): unknown {
  if (error instanceof BusError || !(error instanceof Error)) return error;
  if (error instanceof Deno.errors.NotCapable) return notCapable(error, path);
  const fault = explainSqliteError(error);
  if (!fault) return error;
  return new BusError(CODES[fault.code], `Cannot use the bus "${path}": ${fault.message}`, { cause: error });
}

function notCapable(error: Error, path: string): BusError {
  const directory = dirname(path);
  const flags = `--allow-read="${directory}" --allow-write="${directory}"`;
  const message = `Cannot open the bus "${path}": Deno lacks the permission; run it with ${flags}`;
  return new BusError("denied", message, { cause: error });
}
