/** Tells from the first bytes whether a file is of a format. */
export type Matches = (bytes: Uint8Array) => boolean;

/**
 * Recognises a format by constant bytes.
 *
 * @param signature The bytes as Latin-1.
 * @param offset Where they stand.
 */
export function signature(signature: string, offset = 0): Matches {
  const wanted = Uint8Array.from(signature, (character) => character.charCodeAt(0));
  return (bytes) => {
    for (let i = 0; i < wanted.length; i++) {
      if (bytes[offset + i] !== wanted[i]) return false;
    }
    return true;
  };
}

/**
 * Recognises what one of several recognises.
 *
 * @param all The several.
 */
export function anyOf(...all: readonly Matches[]): Matches {
  return (bytes) => all.some((matches) => matches(bytes));
}
