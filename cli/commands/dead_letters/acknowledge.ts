import { printable } from "../../../lib/printable.ts";
import { acknowledgeDeadLetters } from "../../acknowledge_dead_letters.ts";
import { openExistingBus } from "../../options.ts";
import { logError, print } from "../../ui/terminal.ts";
import { noneMessage } from "./list.ts";
import { type DeadLetterArguments, filterOf } from "./options.ts";
import { checkIds, checkSelection } from "./select.ts";

/** `dead-letters acknowledge`: `list` and `replay` leave these out from then on, unless they fail again. */
export async function acknowledge(args: DeadLetterArguments): Promise<number> {
  const { all, dryRun, json } = args.values;
  const filter = filterOf(args);
  checkSelection("acknowledge", filter, all);
  await using bus = await openExistingBus(args);
  if (filter.ids) await checkIds(bus, filter.ids);
  const count = await acknowledgeDeadLetters(bus, filter, dryRun, ({ id }) => {
    print(json ? JSON.stringify({ id, acknowledged: !dryRun }) : printable(id));
  });
  if (count === 0) logError(noneMessage(filter, bus.transport.url));
  else logError(`${dryRun ? "Would be acknowledged" : "Acknowledged"}: ${count}`);
  return 0;
}
