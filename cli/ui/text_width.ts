/** What most terminals draw two columns wide; JavaScript does not have the property East Asian Width (Unicode, UAX 11). */
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;

const PLAIN = /^[\x20-\x7e]*$/;

/** Characters as people see them: what is combined or joined is one. */
const CHARACTERS = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * How many columns a text takes in a terminal.
 *
 * @param text One line, without control characters.
 */
export function columnsOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  return charactersOf(text).reduce((sum, character) => sum + widthOf(character), 0);
}

/**
 * Cuts a text into pieces, between characters.
 *
 * @param text One line, without control characters.
 * @param width Columns of a piece; a wider character stays whole.
 * @returns At least one piece.
 */
export function cutText(text: string, width: number): string[] {
  const pieces = [""];
  let room = width;
  for (const character of charactersOf(text)) {
    const needed = widthOf(character);
    if (needed > room && pieces.at(-1) !== "") {
      pieces.push("");
      room = width;
    }
    pieces[pieces.length - 1] += character;
    room -= needed;
  }
  return pieces;
}

/** Adds spaces up to a number of columns. */
export function padText(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - columnsOf(text)));
}

function charactersOf(text: string): string[] {
  return Array.from(CHARACTERS.segment(text), ({ segment }) => segment);
}

function widthOf(character: string): number {
  return WIDE.test(character) ? 2 : /^[\p{Mark}\p{Format}]/u.test(character) ? 0 : 1;
}
