import { type Markup, markup, type Part } from "./markup.ts";

/**
 * Writes a table that scrolls where it is too wide or too long.
 *
 * @param caption What it shows and how to read it.
 * @param titles Headings of the columns: texts in the first one, numbers in the others.
 * @param rows As many cells as there are titles; the first is the heading of its row.
 * @returns A focusable box with the table.
 */
export function table(
  caption: string,
  titles: readonly string[],
  rows: readonly (readonly Part[])[],
): Markup {
  const head = titles.map((title) => markup`<th scope="col">${title}</th>`);
  const body = rows.map(([first, ...others]) =>
    markup`<tr><th scope="row">${first}</th>${others.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`
  );
  return markup`<div class="scroll" tabindex="0"><table><caption>${caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody></table></div>`;
}
