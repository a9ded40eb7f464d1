import type { Bus } from "../../../bus/bus.ts";
import type { DeadLetter } from "../../../bus/dead_letter.ts";
import { type DeadLettersOptions, listDeadLetters } from "../../../bus/dead_letters.ts";
import { UsageError } from "../../command.ts";
import { replayDeadLetters } from "../../replay_dead_letters.ts";
import { type DeadLetterArguments, filterOf } from "./options.ts";
import { noneMessage } from "./list.ts";
import { openExistingBus } from "../../options.ts";
import { printable } from "../../../lib/printable.ts";
import { columns, logError, print } from "../../ui/terminal.ts";

type Plan = Pick<DeadLetterArguments["values"], "maxAttempts" | "dryRun" | "json">;

/** `dead-letters replay`: sends requests to their topics again. The exit code is 1 if one was refused. */
export async function replay(args: DeadLetterArguments): Promise<number> {
  const filter = filterOf(args);
  checkSelection(filter, args.values.all);
  await using bus = await openExistingBus(args);
  if (filter.ids) await checkIds(bus, filter.ids);
  const { replayed, refused } = await replayDeadLetters(bus, filter, args.values, (letter, refusal) => {
    if (refusal === null) printReplayed(letter, args.values);
    else printRefused(letter, refusal, args.values);
  });
  if (replayed + refused === 0) logError(noneMessage(filter, bus.transport.url));
  else logError(`${args.values.dryRun ? "Would be replayed" : "Replayed"}: ${replayed}, refused: ${refused}`);
  return refused > 0 ? 1 : 0;
}

function checkSelection(filter: DeadLettersOptions, all: boolean): void {
  const { limit: _limit, ...which } = filter;
  const isFiltered = Object.keys(which).length > 0;
  if (all && isFiltered) {
    throw new UsageError("Cannot replay: --all excludes --id, --reason, --model and --since");
  }
  if (all || isFiltered) return;
  throw new UsageError(
    "Cannot replay: no dead letters are selected; expected --id, --reason, --model, --since or --all " +
      "(--dry-run prints what would be sent)",
  );
}

/** All ids are looked up before the first is sent, so that a mistake sends nothing. */
async function checkIds(bus: Bus, ids: readonly string[]): Promise<void> {
  const known = new Set((await listDeadLetters(bus.transport, { ids })).map(({ id }) => id));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown === undefined) return;
  throw new UsageError(`Unknown dead letter "${printable(unknown)}" on ${bus.transport.url}`);
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
