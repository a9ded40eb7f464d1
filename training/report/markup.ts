/** Text that is already markup; see {@linkcode markup}. */
export class Markup {
  /** @param text Well-formed as HTML and as XML: every element closed, every attribute quoted. */
  constructor(readonly text: string) {}
}

/** Content of a template. Text is escaped; `undefined` is empty. */
export type Part = string | number | Markup | undefined | readonly Part[];

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Builds markup from a template. Values are escaped, for text and for quoted attributes alike, unless they
 * are markup.
 *
 * @param strings The text of the template.
 * @param parts The values; lists are joined.
 *
 * @example
 * ```ts
 * import { markup } from "./markup.ts";
 * console.log(markup`<b title="${'"'}">${"1 < 2"}</b>`.text); // <b title="&quot;">1 &lt; 2</b>
 * ```
 */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(String.raw({ raw: strings }, ...parts.map(render)));
}

function render(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(render).join("");
  return String(part).replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}
