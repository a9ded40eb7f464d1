import type { Buffer } from "node:buffer";

/** Reads the fields of records, one after another. Damage ends in an error, never in a read past the end. */
export class RecordReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Whether there is nothing more. */
  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  int8(): number {
    return this.#bytes.readInt8(this.skip(1));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.skip(4));
  }

  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.skip(8)));
  }

  /** Skips bytes; returns where they are. */
  skip(count: number): number {
    const at = this.#at;
    this.#at += count;
    return at;
  }

  /** So many bytes; `null` for -1. */
  bytes(length: number): Buffer | null {
    if (length === -1) return null;
    const end = this.#at + length;
    if (!(length >= 0 && end <= this.#bytes.length)) throw new RangeError("a record ends too early");
    return this.#bytes.subarray(this.skip(length), end);
  }

  /** Zigzag encoding, seven bits per byte, lowest first: at most 64 bits, of which 53 are exact. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 64; scale *= 128) {
      const byte = this.#bytes.readUInt8(this.skip(1));
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    throw new RangeError("a number in a record is too long");
  }
}
