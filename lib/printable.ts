/**
 * Control characters, those that change the direction of a text, and invisible ones: untrusted text must not control the
 * terminal, nor look like another. What joins letters and selects the form of an emoji stays.
 */
const UNPRINTABLE =
  /[[\p{Cc}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\ufff9-\ufffb]--[\p{Join_Control}\p{Variation_Selector}]]/gv;

/** Untrusted text with its control characters and invisible ones escaped, safe to print on a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (c) => {
    const code = c.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** A value as JSON on one line, with the same characters escaped: it is read as the same value. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, (text) =>
    Array.from(
      { length: text.length },
      (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`,
    ).join(""));
}
