import type { DeadLetterInfo } from "../../../bus/dead_letter.ts";
import { purgeDeadLetters } from "../../../bus/dead_letters.ts";
import { openExistingBus } from "../../options.ts";
import { openResultsIfAny } from "../../stored_results/stored_results.ts";
import { logError, print } from "../../ui/terminal.ts";
import type { DeadLetterArguments } from "./options.ts";

/** `dead-letters purge`: removes from the bus what was acknowledged, or is classified meanwhile; with `--all` everything. */
export async function purge(args: DeadLetterArguments): Promise<number> {
  const { all, dryRun, json } = args.values;
  await using bus = await openExistingBus(args);
  await using results = await openResultsIfAny(args);
  const done = async (letters: readonly DeadLetterInfo[]) => {
    const statuses = await results?.statuses(letters.map(({ id }) => id)) ?? new Map<string, string>();
    const chosen = letters.filter(({ id, acknowledgedAt }) =>
      all || acknowledgedAt !== undefined || statuses.get(id) === "classified"
    );
    return new Set(chosen.map(({ id }) => id));
  };
  const counts = await purgeDeadLetters(bus.transport, { done, dryRun });
  if (json) print(JSON.stringify({ ...counts, dryRun }));
  const behind = counts.behind > 0
    ? `; ${counts.behind} more when those before them are: a log is removed from its beginning`
    : "";
  logError(`${dryRun ? "Would be removed" : "Removed"}: ${counts.removed}, kept: ${counts.kept}${behind}`);
  return 0;
}
