import type { DeadLetter } from "../../../bus/dead_letter.ts";
import { replayDeadLetters } from "../../replay_dead_letters.ts";
import { type DeadLetterArguments, filterOf } from "./options.ts";
import { noneMessage } from "./list.ts";
import { checkIds, checkSelection } from "./select.ts";
import { openExistingBus } from "../../options.ts";
import { openResultsIfAny, type StoredResults } from "../../stored_results/stored_results.ts";
import { printable } from "../../../lib/printable.ts";
import { columns, logError, print } from "../../ui/terminal.ts";

type Plan = Pick<DeadLetterArguments["values"], "maxAttempts" | "dryRun" | "json">;

/** `dead-letters replay`: sends requests to their topics again. The exit code is 1 if one was refused. */
export async function replay(args: DeadLetterArguments): Promise<number> {
  const filter = filterOf(args);
  checkSelection("replay", filter, args.values.all);
  await using bus = await openExistingBus(args);
  if (filter.ids) await checkIds(bus, filter.ids);
  await using results = await openResultsIfAny(args);
  const { maxAttempts, dryRun } = args.values;
  const plan = { maxAttempts, dryRun, ...results && { classified: classifiedIn(results) } };
  const counts = await replayDeadLetters(bus, filter, plan, (letter, refusal) => {
    if (refusal === null) printReplayed(letter, args.values);
    else printRefused(letter, refusal, args.values);
  });
  const { replayed, refused, classified } = counts;
  const skipped = classified > 0 ? `, classified meanwhile: ${classified}` : "";
  if (replayed + refused + classified === 0) logError(noneMessage(filter, bus.transport.url));
  else logError(`${dryRun ? "Would be replayed" : "Replayed"}: ${replayed}, refused: ${refused}${skipped}`);
  return refused > 0 ? 1 : 0;
}

function classifiedIn(results: StoredResults) {
  return async (ids: readonly string[]) => {
    const statuses = await results.statuses(ids);
    return new Set(ids.filter((id) => statuses.get(id) === "classified"));
  };
}

function printRefused({ id, topic, attempts }: DeadLetter, reason: string, { json }: Plan): void {
  if (json) print(JSON.stringify({ id, topic, attempts, replayed: false, reason }));
  logError(`Cannot replay ${printable(id)}: ${reason}`);
}

function printReplayed({ id, topic, attempts }: DeadLetter, { dryRun, json }: Plan): void {
  const attempt = attempts + 1;
  if (json) print(JSON.stringify({ id, topic, attempts: attempt, replayed: !dryRun }));
  else print(columns([[id, topic, `attempt ${attempt}`]]));
}
