import type { OptionTable } from "../../../lib/options.ts";
import type { Arguments } from "../../command.ts";
import { JSON_OPTION, MODELS_DIRS_OPTION, RESULTS_OPTION } from "../../options.ts";

/** Options of `imagebus models`. */
export const MODELS_OPTIONS = {
  ...MODELS_DIRS_OPTION,
  ...RESULTS_OPTION,
  ...JSON_OPTION,
} as const satisfies OptionTable;

/** Arguments of its sub-commands. */
export type ModelsArguments = Arguments<typeof MODELS_OPTIONS>;
