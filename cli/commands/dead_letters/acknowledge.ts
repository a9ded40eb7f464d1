import { listDeadLetters } from "../../../bus/dead_letters.ts";
import { printable } from "../../../lib/printable.ts";
import { openExistingBus } from "../../options.ts";
import { logError, print } from "../../ui/terminal.ts";
import { noneMessage } from "./list.ts";
import { type DeadLetterArguments, filterOf } from "./options.ts";
import { checkIds, checkSelection } from "./select.ts";

/** Sent at once. */
const CHUNK = 64;

/** `dead-letters acknowledge`: `list` and `replay` leave these out from then on, unless they fail again. */
export async function acknowledge(args: DeadLetterArguments): Promise<number> {
  const { all, dryRun, json } = args.values;
  const filter = filterOf(args);
  checkSelection("acknowledge", filter, all);
  await using bus = await openExistingBus(args);
  if (filter.ids) await checkIds(bus, filter.ids);
  const letters = (await listDeadLetters(bus.transport, filter)).filter(({ acknowledgedAt }) =>
    !acknowledgedAt
  );
  for (let at = 0; at < letters.length; at += CHUNK) {
    const chunk = letters.slice(at, at + CHUNK);
    if (!dryRun) await Promise.all(chunk.map((letter) => bus.acknowledge(letter)));
    for (const { id } of chunk) print(json ? JSON.stringify({ id, acknowledged: !dryRun }) : printable(id));
  }
  if (letters.length === 0) logError(noneMessage(filter, bus.transport.url));
  else logError(`${dryRun ? "Would be acknowledged" : "Acknowledged"}: ${letters.length}`);
  return 0;
}
