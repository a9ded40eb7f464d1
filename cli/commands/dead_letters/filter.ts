import type { DeadLettersOptions } from "../../../bus/dead_letters.ts";
import { defined } from "../../../lib/defined.ts";
import type { DeadLetterArguments } from "./options.ts";

/** The filter of the arguments. */
export function filterOf(
  { values: { id: ids, model, reason, since, limit } }: DeadLetterArguments,
): DeadLettersOptions {
  return defined({ ids, model, reason, since, limit });
}
