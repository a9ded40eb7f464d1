import { Buffer } from "node:buffer";
import { fromEntries, toText } from "../../text.ts";
import type { Message, MessageHeaders, Text } from "../../transport.ts";
import type { Place } from "./requests.ts";
import { ValueSlab } from "./value_slab.ts";

/** What all records of a batch have in common. */
export interface RecordsOrigin extends Place {
  /** Number of records. */
  readonly count: number;
  /** Offset of the first record. */
  readonly first: number;
  /** Of the batch, in milliseconds since 1970-01-01 UTC; records add to it. */
  readonly timestamp: number;
  /** Of all records, where the broker sets it. */
  readonly appendTime: number | null;
}

/** A header of a record, and where it is. */
interface Header {
  nameAt: number;
  nameLength: number;
  name: string;
  valueAt: number;
  valueLength: number;
  value: Text | null;
}

/**
 * Decodes the records of a batch.
 *
 * The headers of a record are mostly those of the record before it: to compare bytes is faster than to decode them.
 *
 * @param bytes The records, decompressed.
 * @param origin From the header of the batch.
 * @throws {RangeError} If they are damaged: never a read past the end.
 */
export function decodeRecords(bytes: Buffer, origin: RecordsOrigin): Message[] {
  const reader = new RecordsReader(bytes);
  const messages: Message[] = [];
  for (let i = 0; i < origin.count; i++) messages.push(reader.next(origin));
  return messages;
}

/** A key, and where it is. */
interface Key {
  readonly at: number;
  readonly length: number;
  readonly text: Text | null;
}

function newHeader(): Header {
  return { nameAt: 0, nameLength: -1, name: "", valueAt: 0, valueLength: -2, value: null };
}

class RecordsReader {
  readonly #bytes: Buffer;
  readonly #values = new ValueSlab();
  readonly #known: Header[] = [];
  /** Those of the record before, if `headers` can hold them; it had so many. */
  #headers: MessageHeaders | null = null;
  #count = 0;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next({ topic, partition, first, timestamp: base, appendTime }: RecordsOrigin): Message {
    this.#varint(); // length
    this.#skip(1); // attributes
    const timestamp = base + this.#varint();
    const offset = first + this.#varint();
    const key = this.#readKey();
    const valueLength = this.#varint();
    const value = this.#values.copy(this.#bytes, this.#skip(valueLength), Math.max(0, valueLength));
    const headers = this.#readHeaders(key);
    return { topic, partition, offset, timestamp: appendTime ?? timestamp, key: key.text, value, ...headers };
  }

  #readKey(): Key {
    const length = this.#varint();
    const at = this.#skip(length);
    return { at, length, text: length < 0 ? null : this.#text(at, length) };
  }

  #readHeaders(key: Key): Pick<Message, "headers" | "headerList"> {
    const count = Math.max(0, this.#varint());
    let isAlike = this.#headers !== null && count === this.#count;
    const headers: Record<string, Text> = isAlike ? { ...this.#headers } : {};
    for (let i = 0; i < count; i++) {
      const header = this.#known[i] ??= newHeader();
      if (!this.#readName(header)) isAlike = false;
      if (!this.#readValue(header, key)) continue;
      if (header.value === null) isAlike = false;
      else if (isAlike) headers[header.name] = header.value;
    }
    this.#count = count;
    if (isAlike) return { headers: this.#headers = headers };
    const all = fromEntries(this.#known.slice(0, count).map(({ name, value }) => [name, value]));
    this.#headers = all.headerList ? null : all.headers;
    return all;
  }

  /** @returns Whether the name is that of the record before. */
  #readName(header: Header): boolean {
    const length = Math.max(0, this.#varint());
    const at = this.#skip(length);
    const isSame = length === header.nameLength && this.#equal(at, header.nameAt, length);
    if (!isSame) {
      const name = this.#text(at, length);
      // Invalid UTF-8 becomes U+FFFD.
      header.name = typeof name === "string" ? name : `${Buffer.from(name)}`;
      header.nameLength = length;
    }
    header.nameAt = at;
    return isSame;
  }

  /** @returns Whether the value is another than that of the record before. An id is often the key, too. */
  #readValue(header: Header, key: Key): boolean {
    const length = this.#varint();
    const at = this.#skip(length);
    const isSame = length === header.valueLength && this.#equal(at, header.valueAt, length);
    if (!isSame) {
      const isKey = length === key.length && this.#equal(at, key.at, length);
      header.value = length < 0 ? null : isKey ? key.text : this.#text(at, length);
      header.valueLength = length;
    }
    header.valueAt = at;
    return !isSame;
  }

  #equal(a: number, b: number, length: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
    return true;
  }

  #text(at: number, length: number): Text {
    const bytes = this.#bytes;
    const end = at + length;
    for (let i = at; i < end; i++) if (bytes[i]! > 0x7f) return apart(toText(bytes.subarray(at, end)));
    return bytes.toString("latin1", at, end);
  }

  /** Skips bytes, none for -1; returns where they are. */
  #skip(length: number): number {
    const at = this.#at;
    if (length < -1 || at + length > this.#bytes.length) throw new RangeError("a record ends too early");
    if (length > 0) this.#at += length;
    return at;
  }

  /** Zigzag encoding, seven bits per byte, lowest first: at most 64 bits, of which 53 are exact. */
  #varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 64; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError("a record ends too early");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    throw new RangeError("a number in a record is too long");
  }
}

function apart(text: Text): Text {
  return typeof text === "string" ? text : new Uint8Array(text);
}
