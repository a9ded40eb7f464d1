/**
 * Replaces a section of a model card, or adds it before the limits, which come last.
 *
 * @param card Markdown.
 * @param title Of the section, at the second level.
 * @param text Its content.
 * @returns The card with the section.
 *
 * @example
 * ```ts
 * import { replaceSection } from "./card_section.ts";
 * const card = replaceSection("# mnist\n\n## Limits\n\nDigits only.\n", "Speed", "Fast.");
 * console.log(card); // # mnist … ## Speed … Fast. … ## Limits … Digits only.
 * ```
 */
export function replaceSection(card: string, title: string, text: string): string {
  const heading = `## ${title}\n`;
  const old = card.indexOf(heading);
  const start = old === -1 ? card.indexOf("## Limits\n") : old;
  if (start === -1) return `${card.trimEnd()}\n\n${heading}\n${text}\n`;
  const next = old === -1 ? start : card.indexOf("\n## ", start) + 1 || card.length;
  return `${card.slice(0, start)}${heading}\n${text}\n\n${card.slice(next)}`.trimEnd() + "\n";
}
