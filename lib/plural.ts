/**
 * A number with its noun.
 *
 * @param count How many.
 * @param noun In the singular; its plural ends in "s".
 * @returns `1 byte`, `2 bytes`.
 */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
