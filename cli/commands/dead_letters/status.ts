import { DatabaseSync } from "node:sqlite";
import type { DeadLetterArguments } from "./options.ts";
import { resultsPath } from "../../results_file.ts";

/**
 * Looks up requests in the results of this machine: the bus itself does not keep their status.
 *
 * @param ids Ids of the requests.
 * @param args Of a command with the option `--results`.
 * @returns By id, `classified` or `failed`; empty when there is no database of results here.
 */
export async function statusesOf(
  ids: readonly string[],
  args: DeadLetterArguments,
): Promise<ReadonlyMap<string, string>> {
  const path = resultsPath(args);
  if (ids.length === 0 || !await exists(path)) return new Map();
  using database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  const status = database.prepare("SELECT status FROM results WHERE id = ?");
  return new Map(
    ids.map((id) => [id, status.get(id)?.["status"]]).filter((row): row is [string, string] =>
      typeof row[1] === "string"
    ),
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw cause;
  }
}
