import { markup } from "./markup.ts";
import type { Markup, Part } from "./markup.ts";

/** A table with one heading for each row and each column. */
export interface Table {
  /** What it says and how to read it. */
  readonly caption: Part;
  /** Headings; those of numbers stand on the right, as the numbers do. */
  readonly columns: readonly { readonly title: string; readonly isNumeric?: boolean }[];
  /** As many cells as there are columns; the first is the heading of its row. */
  readonly rows: readonly (readonly Part[])[];
}

/** Longer tables scroll inside a box of their own. */
const TALL_ROWS = 25;

/**
 * Writes a table that scrolls inside its place where it is too wide.
 *
 * @param table What it holds.
 * @returns A focusable box with the table in it.
 */
export function table({ caption, columns, rows }: Table): Markup {
  const classes = columns.map(({ isNumeric }) => isNumeric ? "numeric" : "text");
  const head = columns.map(({ title }, i) => markup`<th scope="col" class="${classes[i]}">${title}</th>`);
  const isTall = rows.length > TALL_ROWS;
  const body = rows.map(([first, ...others]) =>
    markup`<tr><th scope="row" class="${classes[0]}">${first}</th>${
      others.map((cell, i) => markup`<td class="${classes[i + 1]}">${cell}</td>`)
    }</tr>\n`
  );
  return markup`<div class="scroll${isTall ? " tall" : ""}" tabindex="0"><table><caption>${caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody></table></div>`;
}
