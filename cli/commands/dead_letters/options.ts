import { DEFAULT_MAX_ATTEMPTS } from "../../../bus/dead_letter.ts";
import type { OptionTable } from "../../../lib/options.ts";
import type { Arguments } from "../../command.ts";
import { BUS_OPTIONS, JSON_OPTION, RESULTS_OPTION, sinceOption } from "../../options.ts";

/** Options of all actions on dead letters. */
export const DEAD_LETTER_OPTIONS = {
  ...BUS_OPTIONS,
  ...RESULTS_OPTION,
  id: { type: "texts", value: "ID", text: "only this one; repeat it for several" },
  model: { type: "text", value: "NAME", text: "only requests for this model" },
  reason: { type: "text", value: "CODE", text: "only what failed for this reason: damaged, …" },
  since: sinceOption("only what failed since then"),
  limit: {
    type: "integer",
    min: 1,
    max: 1_000_000_000,
    value: "N",
    otherwise: "20 for list, else all",
    text: "the newest N",
  },
  all: { type: "flag", default: false, text: "replay: everything" },
  maxAttempts: {
    type: "integer",
    min: 1,
    max: 1_000_000,
    default: DEFAULT_MAX_ATTEMPTS,
    value: "N",
    text: "replay: skip letters that have been tried N times",
  },
  dryRun: { type: "flag", default: false, text: "replay: only print what would be sent" },
  ...JSON_OPTION,
} as const satisfies OptionTable;

/** Arguments of an action on dead letters. */
export type DeadLetterArguments = Arguments<typeof DEAD_LETTER_OPTIONS>;
