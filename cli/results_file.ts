import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { explainFileError } from "../lib/file_errors.ts";
import { ifFound } from "../lib/if_found.ts";
import { stateDir } from "../bus/state_dir.ts";
import { messageOf } from "../lib/coded_error.ts";
import { type Arguments, UsageError } from "./command.ts";
import type { RESULTS_OPTION } from "./options.ts";

/** Path of the database of results: the option `--results`, else `results.db` in the state directory. */
export function resultsPath({ values }: Arguments<typeof RESULTS_OPTION>): string {
  return values.results ?? `${stateDir()}/results.db`;
}

/**
 * Opens the database of results for reading.
 *
 * @param path Its path.
 * @returns `null` when there is no such file.
 * @throws {UsageError} If it is something else.
 */
export async function openResults(path: string): Promise<DatabaseSync | null> {
  if (await ifFound(Deno.stat(path)) === null) return null;
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    database.prepare("SELECT status FROM results LIMIT 1").get();
    return database;
  } catch (cause) {
    database.close();
    throw new UsageError(`Cannot read results: ${path} is no database of results: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/**
 * Creates the directory of a file that will be written.
 *
 * @throws {UsageError} If it cannot be created.
 */
export async function createDirectoryOf(path: string): Promise<void> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new UsageError(explainFileError("create", dirname(path), cause).message, { cause });
  }
}
