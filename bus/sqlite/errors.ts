import { dirname } from "node:path";
import { BusError, type BusErrorCode } from "../errors.ts";

interface Meaning {
  readonly code: BusErrorCode;
  readonly advice: string;
}

const BUSY: Meaning = { code: "unavailable", advice: "another program keeps it locked" };
const DENIED: Meaning = {
  code: "denied",
  advice: "this user must be able to write the file and its directory",
};
const CORRUPT: Meaning = {
  code: "corrupt",
  advice: "it is damaged, or not an imagebus file; move it away to start anew",
};
const UNOPENED: Meaning = {
  code: "denied",
  advice: "it must be a file, in a directory that this user can write",
};

/** By primary result code, see sqlite.org/rescode.html. */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  3: DENIED,
  5: BUSY,
  6: BUSY,
  8: DENIED,
  10: { code: "unavailable", advice: "the disk reports an error" },
  11: CORRUPT,
  13: { code: "queue_full", advice: "the disk is full; make room" },
  14: UNOPENED,
  18: { code: "too_large", advice: "SQLite takes at most 1,000,000,000 bytes" },
  23: DENIED,
  26: CORRUPT,
};

/**
 * What an error of `node:sqlite` or Deno means for the bus.
 *
 * @param error What was thrown.
 * @param path The bus's file, for the message.
 * @returns A {@linkcode BusError} with the error as its cause; what is no error of SQLite comes back as it is.
 */
export function toBusError(error: unknown, path: string): unknown {
  if (error instanceof BusError || !(error instanceof Error)) return error;
  if (error instanceof Deno.errors.NotCapable) return notCapable(error, path);
  if (!("code" in error) || error.code !== "ERR_SQLITE_ERROR") return error;
  const { code, advice } = meaning(error);
  return new BusError(code, `The bus "${path}" failed: ${error.message} (${advice})`, { cause: error });
}

function meaning(error: Error): Meaning {
  // The constructor of DatabaseSync throws without a result code.
  if (!("errcode" in error)) return error.message.startsWith("unable to open") ? UNOPENED : BUSY;
  return MEANINGS[Number(error.errcode) & 0xff] ??
    { code: "unavailable", advice: `SQLite error ${error.errcode}` };
}

function notCapable(error: Error, path: string): BusError {
  const directory = dirname(path);
  const flags = `--allow-read="${directory}" --allow-write="${directory}"`;
  return new BusError("denied", `Deno may not open the bus "${path}": run it with ${flags}`, {
    cause: error,
  });
}
