/** Columns of 8 pixels, the lowest bit on top: 5 for each character from the space to the tilde, then those of `×`. */
const COLUMNS = Uint8Array.fromBase64(
  "AAAAAAAAAF8AAAADAAMAFH8UfxQkKn8qEmMTCGRjNklVIlAAAAMAAAAcIkEAAEEiHAAUCD4IFAgIPggIAIBgAAAICAgICAAAQAAA" +
    "YBAIBAM+UUlFPgBCf0AAQmFRSUYiQUlJNhgUEn8QJ0VFRTk8SklJMAFhGQUDNklJSTYGSUkpHgAAJAAAAIBkAAAIFBQiIhQUFBQU" +
    "IiIUFAgCAVEJBj5BXVUefgkJCX5/SUlJNj5BQUEif0FBQT5/SUlJQX8JCQkBPkFJSXp/CAgIfwBBf0EAIEBBPwF/CBQiQX9AQEBA" +
    "fwIMAn9/Bggwfz5BQUE+fwkJCQY+QVEhXn8JGSlGRklJSTEBAX8BAT9AQEA/DzBAMA9/IBggf0E2CDZBAwR4BANhUUlFQwB/QUEA" +
    "AwQIEGAAQUF/AAQCAQIEgICAgIAAAQIAACBUVFR4f0RERDg4REREADhERER/OFRUVBgEfgUBABikpKR8fwQEBHgARH1AAACAhH0A" +
    "fxAoRAAAQX9AAHwEeAR4fAQEBHg4REREOPwkJCQYGCQkJPx8CAQECEhUVFQkBD9EQAA8QEAgfBwgQCAcPEA4QDxEKBAoRBygoKB8" +
    "RGRUTEQACDZBAAAAfwAAAEE2CAAIBAgQCEQoEChE",
);

/** Pixels from one character to the next, and from the top to the end of what hangs below the line. */
export const GLYPH = { advance: 6, height: 8 } as const;

/**
 * Draws a text with a fixed width; what the font lacks is shown as `?`.
 *
 * @param text One line.
 * @param dot Called for each pixel, from the left upper corner.
 */
export function drawText(text: string, dot: (x: number, y: number) => void): void {
  [...text].forEach((character, i) => {
    const code = character === "×" ? 127 : character.charCodeAt(0);
    const glyph = code >= 32 && code <= 127 ? code - 32 : "?".charCodeAt(0) - 32;
    for (let x = 0; x < 5; x++) {
      for (let y = 0; y < GLYPH.height; y++) {
        if ((COLUMNS[5 * glyph + x]! >> y) & 1) dot(i * GLYPH.advance + x, y);
      }
    }
  });
}
