import { BUS_PERMISSIONS, defineActions, NO_OPERANDS } from "../../command.ts";
import { BUS_OPTIONS } from "../../options.ts";
import { acknowledge } from "./acknowledge.ts";
import { exportLetters } from "./export.ts";
import { list } from "./list.ts";
import { DEAD_LETTER_OPTIONS } from "./options.ts";
import { purge } from "./purge.ts";
import { replay } from "./replay.ts";
import { show } from "./show.ts";

const FILTER = ["id", "model", "reason", "since", "limit"] as const;
const BUS = Object.keys(BUS_OPTIONS) as (keyof typeof BUS_OPTIONS)[];

/** Lists, shows, exports, replays, acknowledges and removes requests that could not be classified. */
export const deadLetters = defineActions({
  name: "dead-letters",
  summary: "List, show, export, replay, acknowledge or purge images that failed",
  options: DEAD_LETTER_OPTIONS,
  examples: [
    ["imagebus dead-letters list --since 2h", "failures of the last two hours"],
    ["imagebus dead-letters show 42", "all about one; a terminal also draws the image"],
    ["imagebus dead-letters export ./failed --reason damaged", "write the original bytes to files"],
    ["imagebus dead-letters replay --reason unknown_model", "send again, once the model is served"],
    ["imagebus dead-letters replay --all --dry-run", "print what would be sent"],
    ["imagebus dead-letters purge", "remove what was acknowledged or is classified meanwhile"],
    ["imagebus dead-letters acknowledge --reason damaged", "leave them out of the list from now on"],
  ],
  permissions: BUS_PERMISSIONS,
  actions: {
    list: {
      operands: NO_OPERANDS,
      options: [...BUS, ...FILTER, "acknowledged", "results", "json"],
      run: list,
    },
    show: { operands: { form: "ID", min: 1, max: 1 }, options: [...BUS, "results", "json"], run: show },
    export: {
      operands: { form: "DIR", min: 1, max: 1 },
      options: [...BUS, ...FILTER, "acknowledged", "json"],
      run: exportLetters,
    },
    replay: {
      operands: NO_OPERANDS,
      options: [...BUS, ...FILTER, "all", "maxAttempts", "dryRun", "results", "json"],
      run: replay,
    },
    acknowledge: {
      operands: NO_OPERANDS,
      options: [...BUS, ...FILTER, "all", "dryRun", "json"],
      run: acknowledge,
    },
    purge: { operands: NO_OPERANDS, options: [...BUS, "all", "dryRun", "results", "json"], run: purge },
  },
});
