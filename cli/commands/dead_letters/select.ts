import type { Bus } from "../../../bus/bus.ts";
import { type DeadLettersOptions, listDeadLetters } from "../../../bus/dead_letters.ts";
import { printable } from "../../../lib/printable.ts";
import { UsageError } from "../../command.ts";

/**
 * Refuses to change anything that was not selected.
 *
 * @throws {UsageError} Without an option that selects, or with one beside `--all`.
 */
export function checkSelection(what: string, filter: DeadLettersOptions, all: boolean): void {
  const { limit: _limit, acknowledged: _acknowledged, ...which } = filter;
  const isFiltered = Object.keys(which).length > 0;
  if (all && isFiltered) {
    throw new UsageError(`Cannot ${what}: --all excludes --id, --reason, --model and --since`);
  }
  if (all || isFiltered) return;
  throw new UsageError(
    `Cannot ${what}: no dead letters are selected; expected --id, --reason, --model, --since or --all ` +
      "(--dry-run changes nothing)",
  );
}

/**
 * Looks up all ids before anything is changed, so that a mistake changes nothing.
 *
 * @throws {UsageError} If one is not there.
 */
export async function checkIds(bus: Bus, ids: readonly string[]): Promise<void> {
  const known = new Set(
    (await listDeadLetters(bus.transport, { ids, acknowledged: true })).map(({ id }) => id),
  );
  const unknown = ids.find((id) => !known.has(id));
  if (unknown === undefined) return;
  throw new UsageError(`Unknown dead letter "${printable(unknown)}" on ${bus.transport.url}`);
}
