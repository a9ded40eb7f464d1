/** Recognises a format by its first bytes. */
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

/** BMP: two letters are too few to distinguish it from text, so the size of its second header counts too. */
export const isBmp: Matches = (bytes) => {
  const size = bytes[14]! | bytes[15]! << 8;
  return signature("BM")(bytes) && size >= 12 && size <= 124 && bytes[16] === 0 && bytes[17] === 0;
};

/** PNM: `P1` to `P7` and white space. */
export const isPnm: Matches = (bytes) => {
  const [letter, digit, space] = bytes;
  if (letter !== 0x50 || digit === undefined || space === undefined) return false;
  return digit >= 0x31 && digit <= 0x37 &&
    (space === 0x20 || (space >= 0x09 && space <= 0x0d) || space === 0x23);
};

/** ICO and CUR: at least one image, whose data lies behind the directory. */
export const isIco: Matches = (bytes) => {
  if (bytes[0] !== 0 || bytes[1] !== 0 || (bytes[2] !== 1 && bytes[2] !== 2) || bytes[3] !== 0) return false;
  const count = bytes[4]! | bytes[5]! << 8;
  const offset = bytes[18]! | bytes[19]! << 8 | bytes[20]! << 16;
  return count > 0 && (bytes[9] === 0 || bytes[9] === 255) && offset >= 6 + 16 * count;
};

/** HEIC: one still image, several, or a sequence; "mif1" can be AVIF, too, which comes first. */
export const isHeic: Matches = anyOf(
  ...["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"].map((brand) =>
    signature(`ftyp${brand}`, 4)
  ),
);

/** AVIF: one still image, or a sequence. */
export const isAvif: Matches = (bytes) => {
  if (!signature("ftyp", 4)(bytes)) return false;
  const end = Math.min(64, bytes[3]!);
  for (let at = 8; at + 4 <= end; at += 4) if (avifBrand(bytes.subarray(at))) return true;
  return false;
};

const avifBrand = anyOf(signature("avif"), signature("avis"));

/** TIFF, whose lowest or highest byte comes first. */
export const isTiff: Matches = anyOf(signature("II*\0"), signature("MM\0*"));
