import { DatabaseSync } from "node:sqlite";
import type { DeadLetterArguments } from "./options.ts";
import { resultsPath } from "../../results_file.ts";

/**
 * What became of requests, as far as the results on this machine tell: the bus does not know.
 *
 * @param ids Which ones.
 * @param args Of a command with the option `--results`.
 * @returns By id, `classified` or `failed`. Nothing where there are no results, as when the workers are elsewhere.
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
