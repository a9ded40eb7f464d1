import { dirname } from "node:path";
import { explainFileError } from "../lib/file_errors.ts";
import { stateDir } from "../bus/state_dir.ts";
import { type Arguments, UsageError } from "./command.ts";
import type { RESULTS_OPTION } from "./options.ts";

/** Where the results are: the option `--results`, else `results.db` in the state directory. */
export function resultsPlace({ values }: Arguments<typeof RESULTS_OPTION>): string {
  return values.results ?? `${stateDir()}/results.db`;
}

/** Whether a place of results is a database of PostgreSQL, rather than a file. */
export function isPostgres(place: string): boolean {
  return /^postgres(ql)?:\/\//.test(place);
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
