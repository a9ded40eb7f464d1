import { dirname } from "node:path";
import { stateDir } from "../bus/state_dir.ts";
import type { Arguments } from "./command.ts";
import { fileFailure } from "./file_failure.ts";
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
    throw fileFailure("create", dirname(path), cause);
  }
}
