import type { Pair } from "../../stored_results/stored_results.ts";
import { printable } from "../../../lib/printable.ts";
import { bold, dim, green, red } from "../../ui/terminal.ts";
import { columnsOf, padText } from "../../ui/text_width.ts";

const MAX_NAME = 24;
const MIN_CELL = 3;

/**
 * Draws how often images of each true label (the rows) were classified as each label (the columns, by the numbers of the
 * rows).
 *
 * @param actual The true labels.
 * @param pairs Their images; the true labels are names.
 * @param total Columns of the terminal.
 * @returns The lines; `null` where they do not fit.
 */
export function confusionTable(
  actual: readonly string[],
  pairs: readonly Pair[],
  total: number,
): string[] | null {
  const labels = [...new Set([...actual, ...pairs.map(({ label }) => label)])];
  const counts = new Map<string, number>();
  for (const { actual, label, images } of pairs) {
    const key = JSON.stringify([actual, label]);
    counts.set(key, (counts.get(key) ?? 0) + images);
  }
  const numbers = labels.map((_, i) => String(i + 1));
  const cell = 1 + Math.max(MIN_CELL, numbers.at(-1)!.length, ...[...counts.values()].map(digits));
  const names = labels.map((label, i) =>
    `${numbers[i]!.padStart(numbers.at(-1)!.length)} ${printable(label)}`
  );
  const name = Math.max(...names.map(columnsOf));
  if (name > MAX_NAME || name + labels.length * cell > total) return null;
  const line = (label: string, i: number) => {
    const cells = labels.map((other) => {
      const count = counts.get(JSON.stringify([label, other])) ?? 0;
      const text = (count === 0 ? "·" : String(count)).padStart(cell);
      return count === 0 ? dim(text) : label === other ? green(text) : red(text);
    });
    return padText(names[i]!, name) + (actual.includes(label) ? cells.join("") : "");
  };
  return [
    bold("true label".padEnd(name).slice(0, name) + numbers.map((number) => number.padStart(cell)).join("")),
    ...labels.map(line),
  ];
}

function digits(count: number): number {
  return String(count).length;
}
