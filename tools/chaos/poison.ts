const MARK = new TextEncoder().encode("imagebus chaos: poison");

/**
 * An image on which the model of a chaos run always throws. It is a valid one: what follows the end of a PNG is ignored.
 *
 * @param png Any PNG.
 */
export function poisoned(png: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(png.length + MARK.length);
  bytes.set(png);
  bytes.set(MARK, png.length);
  return bytes;
}

/**
 * Whether an image is one of {@linkcode poisoned}.
 *
 * @param image Any bytes.
 */
export function isPoisoned(image: Uint8Array): boolean {
  const from = image.length - MARK.length;
  return from >= 0 && MARK.every((byte, i) => image[from + i] === byte);
}
