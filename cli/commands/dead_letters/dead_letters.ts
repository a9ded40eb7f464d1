import { defineActions, NO_OPERANDS } from "../../command.ts";
import { BUS_OPTIONS } from "../../options.ts";
import { exportLetters } from "./export.ts";
import { list } from "./list.ts";
import { DEAD_LETTER_OPTIONS } from "./options.ts";
import { replay } from "./replay.ts";
import { show } from "./show.ts";

const FILTER = ["id", "model", "reason", "since", "limit"] as const;
const BUS = Object.keys(BUS_OPTIONS) as (keyof typeof BUS_OPTIONS)[];

/** Looks at what could not be classified, and has it tried again. */
export const deadLetters = defineActions({
  name: "dead-letters",
  summary: "Show what could not be classified, export it, or send it again",
  options: DEAD_LETTER_OPTIONS,
  examples: [
    ["imagebus dead-letters list --since 2h", "what failed in the last two hours"],
    ["imagebus dead-letters show 42", "everything about one, with the picture"],
    ["imagebus dead-letters export ./failed --reason damaged", "the original bytes as files"],
    ["imagebus dead-letters replay --reason unknown_model", "once the model is served"],
    ["imagebus dead-letters replay --all --dry-run", "what would be sent again"],
  ],
  permissions: ["env", "read", "write", "net", "sys"],
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
