import type { DeadLettersOptions } from "../../../bus/dead_letters.ts";
import { defined } from "../../../lib/defined.ts";
import type { DeadLetterArguments } from "./options.ts";

/** Which dead letters are meant. */
export function filterOf(
  { values: { id: ids, model, reason, since, limit } }: DeadLetterArguments,
): DeadLettersOptions {
  return defined({ ids, model, reason, since, limit });
}
