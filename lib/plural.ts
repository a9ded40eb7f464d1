/**
 * A number with its noun.
 *
 * @param count How many.
 * @param noun In the singular; its plural ends in "s".
 * @param shown The number as it is written.
 * @returns `1 byte`, `2 bytes`.
 */
export function plural(count: number, noun: string, shown = String(count)): string {
  return `${shown} ${noun}${count === 1 ? "" : "s"}`;
}
