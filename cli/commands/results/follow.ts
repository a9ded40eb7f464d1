import { sleep } from "../../../lib/sleep.ts";
import type { Selection } from "../../stored_results/selection.ts";
import type { StoredResult, StoredResults } from "../../stored_results/stored_results.ts";

const POLL_MS = 500;
/** Services store results some time after they have classified the image: so much later a result is still found. */
const MAX_DELAY_MS = 10_000;

/**
 * Reads results, and then those that are stored later, for ever.
 *
 * @param results Where.
 * @param selection Which ones.
 * @param limit Of those that are there, only the newest so many.
 * @returns The newest last.
 */
export async function* followResults(
  results: StoredResults,
  selection: Selection,
  limit: number,
): AsyncGenerator<StoredResult[], void, void> {
  let { recent } = await look(results, selection, new Set());
  for await (const rows of results.pages(selection, limit)) {
    yield rows;
    for (const row of rows) recent.add(keyOf(row));
  }
  while (true) {
    const found = await look(results, selection, recent);
    if (found.fresh.length > 0) yield found.fresh;
    recent = found.recent;
    await sleep(POLL_MS);
  }
}

interface Found {
  /** Keys of the results of the last ten seconds. */
  readonly recent: Set<string>;
  /** Those of them that were not known. */
  readonly fresh: StoredResult[];
}

async function look(
  results: StoredResults,
  selection: Selection,
  known: ReadonlySet<string>,
): Promise<Found> {
  const newest = await newestOf(results);
  const since = Math.max(selection.since?.getTime() ?? 0, newest ? Date.parse(newest) - MAX_DELAY_MS : 0);
  const [recent, fresh]: [Set<string>, StoredResult[]] = [new Set(), []];
  for await (const rows of results.pages({ ...selection, since: new Date(since) })) {
    for (const row of rows) recent.add(keyOf(row));
    fresh.push(...rows.filter((row) => !known.has(keyOf(row))));
  }
  return { recent, fresh };
}

async function newestOf(results: StoredResults): Promise<string | undefined> {
  for await (const [row] of results.pages({}, 1)) return row?.at;
  return undefined;
}

/** A success that replaces a failure is a further result. */
function keyOf({ id, at }: StoredResult): string {
  return `${at} ${id}`;
}
