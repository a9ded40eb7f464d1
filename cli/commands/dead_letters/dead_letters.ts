import { BUS_PERMISSIONS, defineActions, NO_OPERANDS } from "../../command.ts";
import { BUS_OPTIONS } from "../../options.ts";
import { exportLetters } from "./export.ts";
import { list } from "./list.ts";
import { DEAD_LETTER_OPTIONS } from "./options.ts";
import { replay } from "./replay.ts";
import { show } from "./show.ts";

const FILTER = ["id", "model", "reason", "since", "limit"] as const;
const BUS = Object.keys(BUS_OPTIONS) as (keyof typeof BUS_OPTIONS)[];

/** Lists, shows, exports and replays requests that could not be classified. */
export const deadLetters = defineActions({
  name: "dead-letters",
  summary: "List, show, export or replay images that failed",
  options: DEAD_LETTER_OPTIONS,
  examples: [
    ["imagebus dead-letters list --since 2h", "failures of the last two hours"],
    ["imagebus dead-letters show 42", "all about one; a terminal also draws the image"],
    ["imagebus dead-letters export ./failed --reason damaged", "write the original bytes to files"],
    ["imagebus dead-letters replay --reason unknown_model", "send again, once the model is served"],
    ["imagebus dead-letters replay --all --dry-run", "print what would be sent"],
  ],
  permissions: BUS_PERMISSIONS,
  actions: {
    list: { operands: NO_OPERANDS, options: [...BUS, ...FILTER, "results", "json"], run: list },
    show: { operands: { form: "ID", min: 1, max: 1 }, options: [...BUS, "results", "json"], run: show },
    export: {
      operands: { form: "DIR", min: 1, max: 1 },
      options: [...BUS, ...FILTER, "json"],
      run: exportLetters,
    },
    replay: {
      operands: NO_OPERANDS,
      options: [...BUS, ...FILTER, "all", "maxAttempts", "dryRun", "json"],
      run: replay,
    },
  },
});
