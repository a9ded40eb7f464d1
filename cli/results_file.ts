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
 * @param url Any text.
 * @returns The text; a password in a URL is replaced by `…`.
 */
export function withoutPassword(url: string): string {
  return url.replace(/(:\/\/[^/:@]*):.*@/s, "$1:…@");
}

/**
 * @param place As {@linkcode resultsPlace} gives it.
 * @returns Why it has none, for messages.
 */
export function withoutResults(place: string): string {
  return isPostgres(place)
    ? `${withoutPassword(place)} has no results; imagebus worker creates their tables`
    : `${place} does not exist; imagebus worker creates it`;
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
