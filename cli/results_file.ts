import { dirname } from "node:path";
import { stateDir } from "../bus/state_dir.ts";
import type { Arguments } from "./command.ts";
import type { RESULTS_OPTION } from "./options.ts";

/** Where the results are: the option `--results`, else `results.db` in the state directory. */
export function resultsPath({ values }: Arguments<typeof RESULTS_OPTION>): string {
  return values.results ?? `${stateDir()}/results.db`;
}

/** Makes the directory of a file that is to be written. */
export async function makeDirectoryOf(path: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
}
