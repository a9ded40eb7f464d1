/**
 * LZ4 frames as Kafka's Java client writes them: independent blocks of 64 KiB without checksums.
 *
 * Of our own, because lz4js writes frames whose blocks are declared as dependent on each other, which Java refuses.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Magic, flags, size of the blocks, and the checksum of these two. */
const HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
const BLOCK_BYTES = 2 ** 16;
const IS_UNCOMPRESSED = 0x8000_0000;
const SIZE_BYTES = 4;
const HASH_BITS = 13;
const MIN_MATCH = 4;
/** A block ends with literals, and its last match begins well before. */
const [LAST_LITERALS, LAST_MATCH_BEFORE] = [5, 12];
/** In a token: more bytes of the length follow. */
const LENGTH_CONTINUES = 15;

/** Compresses bytes to one frame. */
export function compressLz4(bytes: Uint8Array): Buffer {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES);
  const frame = Buffer.allocUnsafe(HEADER.length + bytes.length + (blocks + 1) * (SIZE_BYTES + 512));
  let at = HEADER.copy(frame);
  const encoder = new BlockEncoder(bytes, frame);
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const end = Math.min(bytes.length, start + BLOCK_BYTES);
    const size = encoder.encode(start, end, at + SIZE_BYTES);
    const isSmaller = size < end - start;
    if (!isSmaller) frame.set(bytes.subarray(start, end), at + SIZE_BYTES);
    frame.writeUInt32LE(isSmaller ? size : (end - start + IS_UNCOMPRESSED) >>> 0, at);
    at += SIZE_BYTES + (isSmaller ? size : end - start);
  }
  return frame.subarray(0, frame.writeUInt32LE(0, at));
}

/** Encodes blocks: sequences of literals, and of a reference to earlier bytes. */
class BlockEncoder {
  readonly #source: Uint8Array;
  readonly #target: Buffer;
  /** Where four bytes with a hash were seen last. */
  readonly #seen = new Int32Array(2 ** HASH_BITS);
  #at = 0;

  constructor(source: Uint8Array, target: Buffer) {
    this.#source = source;
    this.#target = target;
  }

  /** Returns the size of the encoded block. */
  encode(start: number, end: number, at: number): number {
    this.#at = at;
    this.#seen.fill(-1);
    let literals = start;
    for (let position = start; position <= end - LAST_MATCH_BEFORE;) {
      const earlier = this.#earlier(position);
      const length = earlier < 0 ? 0 : this.#matchLength(earlier, position, end - LAST_LITERALS);
      // The longer nothing is found, the larger the steps: what is compressed already takes little time.
      if (length < MIN_MATCH) position += 1 + (position - literals >> 6);
      else {
        this.#write(literals, position, length, position - earlier);
        literals = position += length;
      }
    }
    this.#write(literals, end, 0, 0);
    return this.#at - at;
  }

  #earlier(position: number): number {
    const source = this.#source;
    const four = source[position]! | source[position + 1]! << 8 | source[position + 2]! << 16 |
      source[position + 3]! << 24;
    const hash = Math.imul(four, 2_654_435_761) >>> 32 - HASH_BITS;
    const earlier = this.#seen[hash]!;
    this.#seen[hash] = position;
    return earlier;
  }

  #matchLength(earlier: number, position: number, end: number): number {
    let length = 0;
    while (position + length < end && this.#source[earlier + length] === this.#source[position + length]) {
      length++;
    }
    return length;
  }

  #write(from: number, to: number, matched: number, offset: number): void {
    const [literals, rest] = [to - from, matched - MIN_MATCH];
    const high = Math.min(literals, LENGTH_CONTINUES);
    const low = matched === 0 ? 0 : Math.min(rest, LENGTH_CONTINUES);
    this.#target[this.#at++] = high << 4 | low;
    this.#more(literals);
    this.#target.set(this.#source.subarray(from, to), this.#at);
    this.#at += literals;
    if (matched === 0) return;
    this.#at = this.#target.writeUInt16LE(offset, this.#at);
    this.#more(rest);
  }

  #more(length: number): void {
    for (let rest = length - LENGTH_CONTINUES; rest >= 0; rest -= 255) {
      this.#target[this.#at++] = Math.min(rest, 255);
    }
  }
}
