/** Text that is already markup; see {@linkcode markup}. */
export class Markup {
  /** Well-formed as HTML and as XML: every element closed, every attribute quoted. */
  readonly text: string;

  /**
   * Declares a text to be markup; it is not escaped.
   *
   * @param text Well-formed.
   */
  constructor(text: string) {
    this.text = text;
  }
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
  return new Markup(strings.reduce((text, next, i) => text + render(parts[i - 1]) + next));
}

function render(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(render).join("");
  return escape(String(part));
}

/** Control characters are not allowed in HTML and XML, not even escaped. */
function escape(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}
