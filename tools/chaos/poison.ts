const MARK = new TextEncoder().encode("imagebus chaos: poison");

/**
 * Makes an image on which the model of a chaos run always throws. It is valid: bytes after the end of a PNG
 * are ignored.
 *
 * @param png Any PNG.
 */
export function poisoned(png: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(png.length + MARK.length);
  bytes.set(png);
  bytes.set(MARK, png.length);
  return bytes;
}

/** Whether an image was returned by {@linkcode poisoned}. */
export function isPoisoned(image: Uint8Array): boolean {
  const from = image.length - MARK.length;
  return from >= 0 && MARK.every((byte, i) => image[from + i] === byte);
}
