import { markup } from "./markup.ts";
import type { Markup, Part } from "./markup.ts";

/** A table with one heading per row and per column. */
export interface Table {
  /** What it shows and how to read it. */
  readonly caption: Part;
  /** Headings; those of numbers are aligned to the right, as the numbers are. */
  readonly columns: readonly { readonly title: string; readonly isNumeric?: boolean }[];
  /** As many cells as there are columns; the first is the heading of its row. */
  readonly rows: readonly (readonly Part[])[];
}

/** Longer tables have their own scroll box. */
const TALL_ROWS = 25;

/**
 * Writes a table that scrolls where it is too wide.
 *
 * @param table Its content.
 * @returns A focusable box with the table.
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
