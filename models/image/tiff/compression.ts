import { inflateSync } from "node:zlib";
import { damagedTiff } from "./directory.ts";

/**
 * Unpacks a strip or tile into a target of its exact size; of what is more, as in a last strip that is padded to `maxLength`
 * bytes, nothing is kept.
 */
export type Unpack = (packed: Uint8Array, target: Uint8Array, maxLength: number) => void;

/** Codes of LZW have at most 12 bits. */
const MAX_CODES = 4096;
const [CLEAR, END] = [256, 257];

/**
 * LZW with codes from 9 bits, highest bit first, one code earlier than GIF; TIFF 6.0, section 13. What a code stands for is
 * copied from where it was unpacked first, which is much faster than to follow the chain of its prefixes.
 */
export const unpackLzw: Unpack = (packed, target) => {
  const starts = new Int32Array(MAX_CODES);
  const lengths = new Int32Array(MAX_CODES);
  let [size, next, previous] = [9, 258, 0];
  let [bits, count, at, filled] = [0, 0, 0, 0];
  while (filled < target.length) {
    while (count < size) {
      if (at >= packed.length) return checkFilled(filled, target);
      bits = (bits << 8 | packed[at++]!) & 0xffffff;
      count += 8;
    }
    const code = (bits >> (count - size)) & ((1 << size) - 1);
    count -= size;
    if (code === END) return checkFilled(filled, target);
    if (code === CLEAR) {
      [size, next, previous] = [9, 258, 0];
      continue;
    }
    // The code before, and the first byte of this one, which follows it in the target.
    if (previous > 0 && next < MAX_CODES) {
      starts[next] = filled - previous;
      lengths[next] = previous + 1;
      next++;
      if (next >= (1 << size) - 1 && size < 12) size++;
    }
    if (code >= next) throw damagedTiff(`its LZW data has the code ${code} before it is defined`);
    if (code < 256) {
      target[filled++] = code;
      previous = 1;
      continue;
    }
    previous = Math.min(lengths[code]!, target.length - filled);
    for (let from = starts[code]!, end = filled + previous; filled < end; from++) {
      target[filled++] = target[from]!;
    }
  }
};

/** Run lengths; TIFF 6.0, section 9. */
export const unpackBits: Unpack = (packed, target) => {
  let [at, filled] = [0, 0];
  while (filled < target.length) {
    if (at >= packed.length) return checkFilled(filled, target);
    const length = packed[at++]!;
    if (length < 128) {
      const part = packed.subarray(at, at + Math.min(length + 1, target.length - filled));
      target.set(part, filled);
      at += length + 1;
      filled += length + 1;
    } else if (length > 128) {
      target.fill(packed[at++] ?? 0, filled, filled + 257 - length);
      filled += 257 - length;
    }
  }
};

/** Deflate. */
export const unpackDeflated: Unpack = (packed, target, maxLength) => {
  const raw = inflate(packed, maxLength);
  checkFilled(raw.length, target);
  target.set(raw.subarray(0, target.length));
};

function inflate(packed: Uint8Array, length: number): Uint8Array {
  try {
    // One byte more, since a full chunk makes zlib ask for another.
    return inflateSync(packed, { maxOutputLength: length, chunkSize: Math.max(64, length + 1) });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw damagedTiff(`a strip holds more than its ${length} bytes`);
  }
}

/** Not compressed. */
export const copy: Unpack = (packed, target) => {
  checkFilled(packed.length, target);
  target.set(packed.subarray(0, target.length));
};

function checkFilled(filled: number, target: Uint8Array): void {
  if (filled < target.length) throw damagedTiff(`a strip ends after ${filled} of its ${target.length} bytes`);
}
