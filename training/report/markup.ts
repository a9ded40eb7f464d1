/** Text that is markup already; see {@linkcode markup}. */
export class Markup {
  /** Well-formed HTML and XML at once: every element closed, every attribute quoted. */
  readonly text: string;

  /**
   * Declares a text to be markup. It is taken as it is.
   *
   * @param text Well-formed, with everything foreign escaped.
   */
  constructor(text: string) {
    this.text = text;
  }
}

/** What can stand in a piece of markup. Text is escaped; `undefined` is nothing. */
export type Part = string | number | Markup | undefined | readonly Part[];

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Builds markup from a template. Whatever is put in is escaped, for text and for quoted attributes alike, unless it is
 * markup itself.
 *
 * @param strings The template's own text.
 * @param parts What is put in; lists are joined.
 * @returns The markup.
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

/** Control characters can't stand in HTML or XML, escaped or not. */
function escape(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}
