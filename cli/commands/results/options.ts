import { defined } from "../../../lib/defined.ts";
import { count, type CustomRow, flag, type OptionTable } from "../../../lib/options.ts";
import { type Arguments, UsageError } from "../../command.ts";
import { BUS_OPTIONS, JSON_OPTION, RESULTS_OPTION, sinceOption } from "../../options.ts";
import type { Selection } from "../../stored_results/selection.ts";
import type { StoredResults } from "../../stored_results/stored_results.ts";

const BELOW: CustomRow<number> = {
  type: "custom",
  value: "CONFIDENCE",
  parse: parseConfidence,
  accepts: (value) => typeof value === "number",
  expected: "a confidence from 0 to 1, such as 0.6, or 60%",
  text: "only results with a confidence below this",
};

function parseConfidence(text: string): number | undefined {
  const [, digits, percent] = /^(\d+(?:\.\d+)?|\.\d+) ?(%?)$/.exec(text) ?? [];
  const value = Number(digits) / (percent ? 100 : 1);
  return value >= 0 && value <= 1 ? value : undefined;
}

/** Options of all sub-commands on results. */
export const RESULT_OPTIONS = {
  ...RESULTS_OPTION,
  since: sinceOption("only results since then"),
  model: { type: "text", value: "NAME", short: "m", text: "only results of this model" },
  label: { type: "text", value: "NAME", text: "only images that were classified as this" },
  below: BELOW,
  wrong: flag("only images that were classified as another class than their true label"),
  unknown: flag("only images that probably show none of the classes of their model"),
  labelled: flag("only images with a true label"),
  failed: flag("only failed images"),
  limit: {
    ...count(1_000_000_000),
    short: "n",
    otherwise: "20 for a list without IDs, else all",
    text: "only the newest N",
  },
  before: {
    type: "text",
    value: "ID",
    typed: true,
    text: "only results that are older than this one: the page before",
  },
  follow: { ...flag("keep printing results as they are stored"), short: "f", typed: true },
  images: {
    type: "text",
    typed: true,
    value: "DIR",
    text: "write the images to DIR, in a folder per class; what is there stays",
  },
  csv: flag("print CSV on standard output, with a line of names first"),
  ...BUS_OPTIONS,
  ...JSON_OPTION,
} as const satisfies OptionTable;

/** Arguments of a sub-command on results. */
export type ResultArguments = Arguments<typeof RESULT_OPTIONS>;

/** Options that select results, besides operands and `--limit`. */
export const FILTER = [
  "since",
  "model",
  "label",
  "below",
  "unknown",
  "wrong",
  "labelled",
  "failed",
  "before",
] as const;

/**
 * The results that the arguments select.
 *
 * @param args The arguments.
 * @param results In which they select.
 * @throws {UsageError} If `--before` is the id of none.
 */
export async function selectionOf(
  { operands, values }: ResultArguments,
  results: StoredResults,
): Promise<Selection> {
  const { since, model, label, below, unknown, wrong, labelled, failed, before } = values;
  if (before !== undefined && (await results.statuses([before])).size === 0) {
    throw new UsageError(`--before is "${before}": expected the id of a result in ${results.name}`);
  }
  return {
    ids: operands,
    unknown,
    wrong,
    labelled,
    failed,
    ...defined({ since, model, label, below, before }),
  };
}

/** Whether the arguments select some of the results, rather than all. */
export function isFiltered({ operands, values }: ResultArguments): boolean {
  return operands.length > 0 || FILTER.some((name) => values[name] !== undefined && values[name] !== false);
}
