import { dirname } from "node:path";
import { BusError, type BusErrorCode } from "../errors.ts";

interface Meaning {
  readonly code: BusErrorCode;
  readonly advice: string;
}

const BUSY: Meaning = { code: "unavailable", advice: "another program has locked it" };
const DENIED: Meaning = {
  code: "denied",
  advice: "this user must be able to write the file and its directory",
};
const CORRUPT: Meaning = {
  code: "corrupt",
  advice: "it is damaged or not an imagebus file; move it away to start with a new one",
};
const UNOPENED: Meaning = {
  code: "denied",
  advice: "it must be a file, in a directory that this user can write",
};

const UNKNOWN = 1;
const CANNOT_OPEN = 14;

/** By primary result code: https://sqlite.org/rescode.html. */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  3: DENIED,
  5: BUSY,
  6: BUSY,
  8: DENIED,
  10: { code: "unavailable", advice: "the disk reports an error" },
  11: CORRUPT,
  13: { code: "queue_full", advice: "the disk is full; free some space" },
  [CANNOT_OPEN]: UNOPENED,
  18: { code: "too_large", advice: "SQLite stores at most 1,000,000,000 bytes per value" },
  23: DENIED,
  26: CORRUPT,
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
  if (!("code" in error) || error.code !== "ERR_SQLITE_ERROR") return error;
  const meaning = MEANINGS[resultCode(error)];
  if (!meaning) return error;
  const { code, advice } = meaning;
  return new BusError(code, `Cannot use the bus "${path}": ${error.message}; ${advice}`, { cause: error });
}

/** The error of opening a file has no result code. */
function resultCode(error: Error): number {
  if ("errcode" in error) return Number(error.errcode) & 0xff;
  return error.message.startsWith("unable to open database file") ? CANNOT_OPEN : UNKNOWN;
}

function notCapable(error: Error, path: string): BusError {
  const directory = dirname(path);
  const flags = `--allow-read="${directory}" --allow-write="${directory}"`;
  const message = `Cannot open the bus "${path}": Deno lacks the permission; run it with ${flags}`;
  return new BusError("denied", message, { cause: error });
}
