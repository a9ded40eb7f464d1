import type { DeadLettersOptions } from "../../../bus/dead_letters.ts";
import { DEFAULT_MAX_ATTEMPTS } from "../../../bus/dead_letter.ts";
import { defined } from "../../../lib/defined.ts";
import { count, flag, type OptionTable } from "../../../lib/options.ts";
import type { Arguments } from "../../command.ts";
import { BUS_OPTIONS, JSON_OPTION, RESULTS_OPTION, sinceOption } from "../../options.ts";

/** Options of all sub-commands on dead letters. */
export const DEAD_LETTER_OPTIONS = {
  ...BUS_OPTIONS,
  ...RESULTS_OPTION,
  id: { type: "texts", value: "ID", text: "only the dead letter of this id; repeat it for several" },
  model: { type: "text", value: "NAME", short: "m", text: "only requests for this model" },
  reason: { type: "text", value: "CODE", text: "only failures with this code, such as damaged" },
  since: sinceOption("only failures since then"),
  limit: {
    ...count(1_000_000_000),
    short: "n",
    otherwise: "20 for list, all for the others",
    text: "only the newest N",
  },
  all: { ...flag("all dead letters"), typed: true },
  acknowledged: flag("also those that were acknowledged"),
  maxAttempts: {
    ...count(1_000_000),
    default: DEFAULT_MAX_ATTEMPTS,
    text: "skip dead letters that have been tried N times",
  },
  dryRun: flag("print what would be done, but do nothing"),
  ...JSON_OPTION,
} as const satisfies OptionTable;

/** Arguments of a sub-command on dead letters. */
export type DeadLetterArguments = Arguments<typeof DEAD_LETTER_OPTIONS>;

/** The filter of the arguments; what was acknowledged is found by its id all the same. */
export function filterOf(
  { values: { id: ids, model, reason, since, limit, acknowledged } }: DeadLetterArguments,
): DeadLettersOptions {
  const also = acknowledged || ids !== undefined ? { acknowledged: true } : {};
  return { ...defined({ ids, model, reason, since, limit }), ...also };
}
