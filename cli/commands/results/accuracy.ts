import { openResults, type Pair } from "../../stored_results/stored_results.ts";
import { plural } from "../../../lib/plural.ts";
import { printable } from "../../../lib/printable.ts";
import { bold, columns, logError, percent, print, terminalWidth } from "../../ui/terminal.ts";
import { confusionTable } from "./confusion_table.ts";
import { type ResultArguments, selectionOf } from "./options.ts";

/** Most frequent confusions that are listed where a table of them does not fit. */
const MAX_CONFUSIONS = 20;

/** `results accuracy`: of the images with a true label, how many are right, by label, and which labels are confused. */
export async function accuracy(args: ResultArguments): Promise<number> {
  await using results = await openResults(args);
  const pairs = await results.pairs(await selectionOf(args, results));
  const groups = Map.groupBy(pairs, ({ model, modelVersion }) => `${model} ${modelVersion}`);
  for (const [name, group] of groups) {
    const named = nameLabels(group);
    if (args.values.json) { for (const row of byLabel(named)) print(JSON.stringify(toJson(group[0]!, row))); }
    else print(describe(name, named));
  }
  if (pairs.length > 0) return 0;
  logError(
    `No classified images with a true label in ${printable(results.name)}; ` +
      "expected send --actual or --actual-from-folder, or imagebus label ID NAME",
  );
  return args.operands.length > 0 ? 1 : 0;
}

/** How the images of one true label were classified. */
interface LabelRow {
  readonly label: string;
  readonly images: number;
  readonly correct: number;
  /** What wrong ones were classified as, the most frequent first. */
  readonly confusions: readonly Pair[];
}

/** Replaces true labels that are an index by the name, where an image was classified as it. */
function nameLabels(pairs: readonly Pair[]): Pair[] {
  const names = new Map(pairs.map(({ index, label }) => [String(index), label]));
  const isNamed = [...names.values()].some((label) => !/^\d+$/.test(label));
  return pairs.map((pair) => {
    const actual = pair.correct ? pair.label : (isNamed ? names.get(pair.actual) : undefined) ?? pair.actual;
    return { ...pair, actual };
  });
}

function byLabel(pairs: readonly Pair[]): LabelRow[] {
  const rows = [...Map.groupBy(pairs, ({ actual }) => actual)].map(([label, own]) => ({
    label,
    images: sum(own),
    correct: sum(own.filter(({ correct }) => correct)),
    confusions: merged(own.filter(({ correct }) => !correct)),
  }));
  return rows.sort((a, b) => a.label.localeCompare(b.label, "en", { numeric: true }));
}

/** A true label can be given as a name and as an index. */
function merged(pairs: readonly Pair[]): Pair[] {
  return [...Map.groupBy(pairs, ({ label }) => label).values()].map((same) => ({
    ...same[0]!,
    images: sum(same),
  }));
}

function sum(pairs: readonly Pair[]): number {
  return pairs.reduce((total, { images }) => total + images, 0);
}

function describe(name: string, pairs: readonly Pair[]): string {
  const rows = byLabel(pairs);
  const [images, correct] = [sum(pairs), sum(pairs.filter((pair) => pair.correct))];
  const judged = plural(images, "image", images.toLocaleString("en"));
  const title = `${printable(name)}: ${percent(correct / images)} of ${judged} with a true label ` +
    `${images === 1 ? "is" : "are"} right`;
  return [
    columns([[bold(title)]]),
    "",
    columns([HEADER.map(bold), ...rows.map(toCells)]),
    "",
    ...confusionsOf(rows, pairs),
  ]
    .join("\n");
}

const HEADER = ["true label", "images", "right", "accuracy", "most often taken for"];

function toCells({ label, images, correct, confusions: [most] }: LabelRow): string[] {
  return [
    label,
    images.toLocaleString("en"),
    correct.toLocaleString("en"),
    percent(correct / images),
    most ? `${most.label} (${most.images.toLocaleString("en")})` : "",
  ];
}

/** A table where it fits, else a list. */
function confusionsOf(rows: readonly LabelRow[], pairs: readonly Pair[]): string[] {
  const wrong = rows.flatMap(({ confusions }) => confusions).sort((a, b) => b.images - a.images);
  if (wrong.length === 0) return [];
  const table = confusionTable(rows.map(({ label }) => label), pairs, terminalWidth());
  if (table !== null) return [...table, ""];
  const cells = wrong.slice(0, MAX_CONFUSIONS).map(({ actual, label, images }) => [
    actual,
    label,
    images.toLocaleString("en"),
  ]);
  return [columns([["true label", "taken for", "images"].map(bold), ...cells]), ""];
}

function toJson({ model, modelVersion }: Pair, { label, images, correct, confusions }: LabelRow) {
  return {
    model,
    modelVersion,
    label,
    images,
    correct,
    accuracy: correct / images,
    confusions: Object.fromEntries(confusions.map(({ label, images }) => [label, images])),
  };
}
