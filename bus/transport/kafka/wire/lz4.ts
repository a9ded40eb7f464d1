/**
 * LZ4 frames: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md.
 *
 * Of our own, because lz4js looks for the checksum of a block in front of it, where it is behind, and does not notice
 * lengths and references that lead out of the data.
 *
 * @module
 */
import { Buffer } from "node:buffer";

const MAGIC = 0x184d2204;
const VERSION = 0x40;
const VERSION_MASK = 0xc0;
const HAS_BLOCK_CHECKSUMS = 0x10;
const HAS_CONTENT_SIZE = 0x08;
const HAS_CONTENT_CHECKSUM = 0x04;
const HAS_DICTIONARY = 0x01;
const IS_UNCOMPRESSED = 0x8000_0000;
/** By their number in the header. */
const BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 2 ** 16, 5: 2 ** 18, 6: 2 ** 20, 7: 2 ** 22 };
const MIN_MATCH = 4;
/** In a token: more bytes of the length follow. */
const LENGTH_CONTINUES = 15;

/**
 * Decompresses one or more frames. Checksums are not checked: that of the record batch covers them.
 *
 * @param bytes The frames.
 * @param maxBytes Largest size of the content, in bytes.
 * @throws {RangeError} If the content is larger, or the frames are damaged.
 */
export function decompressLz4(bytes: Buffer, maxBytes: number): Buffer {
  const content = new Content(maxBytes);
  for (let at = 0; at < bytes.length;) at = decodeFrame(bytes, at, content);
  return content.bytes;
}

/** @returns Where the next frame begins. */
function decodeFrame(bytes: Buffer, start: number, content: Content): number {
  const flags = bytes.readUInt8(start + 4);
  const maxBlockBytes = BLOCK_BYTES[bytes.readUInt8(start + 5) >> 4 & 7];
  const isKnown = bytes.readUInt32LE(start) === MAGIC && (flags & VERSION_MASK) === VERSION;
  if (!isKnown || flags & HAS_DICTIONARY || maxBlockBytes === undefined) {
    throw new RangeError("it is not an LZ4 frame of a known version, without a dictionary");
  }
  let at = start + (flags & HAS_CONTENT_SIZE ? 15 : 7);
  for (let size; (size = bytes.readUInt32LE(at)) !== 0;) {
    const block = slice(bytes, at + 4, size & ~IS_UNCOMPRESSED);
    content.makeRoom(maxBlockBytes);
    if (size >= IS_UNCOMPRESSED) content.copy(block);
    else content.decode(block);
    at += 4 + block.length + (flags & HAS_BLOCK_CHECKSUMS ? 4 : 0);
  }
  return at + 4 + (flags & HAS_CONTENT_CHECKSUM ? 4 : 0);
}

function slice(bytes: Buffer, start: number, length: number): Buffer {
  if (start + length > bytes.length) throw new RangeError("the LZ4 frame ends too early");
  return bytes.subarray(start, start + length);
}

/** The content so far: later blocks may refer to earlier ones. */
class Content {
  readonly #maxBytes: number;
  #buffer = Buffer.alloc(0);
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Makes room for the next block; more than that it cannot write. */
  makeRoom(blockBytes: number): void {
    if (this.#length > this.#maxBytes) throw new RangeError(`it has more than ${this.#maxBytes} bytes`);
    const needed = this.#length + blockBytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.alloc(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  copy(literals: Buffer): void {
    this.#reserve(literals.length);
    literals.copy(this.#buffer, this.#length - literals.length);
  }

  #reserve(count: number): void {
    this.#length += count;
    if (this.#length > this.#buffer.length) throw new RangeError("a block of the LZ4 frame is too large");
  }

  /** Decodes a block: sequences of literals and a match, of which the last has no match. */
  decode(block: Buffer): void {
    let at = 0;
    const length = (start: number) => {
      let sum = start;
      if (start === LENGTH_CONTINUES) {
        for (let more = 255; more === 255; sum += more) more = block.readUInt8(at++);
      }
      return sum;
    };
    while (at < block.length) {
      const token = block[at++]!;
      const literals = length(token >> 4);
      this.copy(slice(block, at, literals));
      at += literals;
      if (at === block.length) return;
      const offset = block.readUInt16LE(at);
      at += 2;
      this.#repeat(offset, length(token & 15) + MIN_MATCH);
    }
  }

  /** Copies from the content itself. The copy may overlap its source: it then repeats it. */
  #repeat(offset: number, count: number): void {
    const to = this.#length;
    if (offset === 0 || offset > to) {
      throw new RangeError("a block of the LZ4 frame refers to what is not there");
    }
    this.#reserve(count);
    if (offset >= count) this.#buffer.copyWithin(to, to - offset, to - offset + count);
    else for (let i = to; i < to + count; i++) this.#buffer[i] = this.#buffer[i - offset]!;
  }
}
