import { dirname } from "node:path";
import { stateDir } from "../bus/state_dir.ts";
import type { Arguments } from "./command.ts";

/** Where the results are: the option `--results`, else `results.db` in the state directory. */
export function resultsPath(args: Arguments): string {
  return args.text("results") ?? `${stateDir()}/results.db`;
}

/** Makes the directory of a file that is to be written. */
export async function makeDirectoryOf(path: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
}
