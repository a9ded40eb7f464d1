/**
 * Ends a message about a misspelt word with the one that was probably meant.
 *
 * @param word What was typed.
 * @param known What would be right.
 * @returns `: did you mean "send"?`; when nothing is near, the list of what there is, unless that is long.
 *
 * @example
 * ```ts
 * import { didYouMean } from "./suggestion.ts";
 * if (didYouMean("sned", ["send", "worker"]) !== ': did you mean "send"?') throw new Error("unexpected");
 * ```
 */
export function didYouMean(word: string, known: readonly string[]): string {
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: nearness(word, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  if (nearest && nearest.distance <= Math.max(2, word.length / 3)) {
    return `: did you mean "${nearest.candidate}"?`;
  }
  return known.length > 0 && known.length <= MAX_LISTED ? `: there are ${known.join(", ")}` : "";
}

/** A message is one or two lines. */
const MAX_LISTED = 12;

/** What stands before a dot may be missing: `clientId` for `kafka.clientId`. */
function nearness(word: string, candidate: string): number {
  return Math.min(distance(word, candidate), distance(word, candidate.slice(candidate.lastIndexOf(".") + 1)));
}

/** Edits from one word to the other; exchanging neighbours counts as one (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      rows[i]![j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, change, swap);
    }
  }
  return at(a.length, b.length);
}
