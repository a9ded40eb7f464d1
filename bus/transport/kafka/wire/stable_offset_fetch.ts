/**
 * OffsetFetch, version 7: the first version that takes open transactions into account
 * ([KIP-447](https://cwiki.apache.org/confluence/display/KAFKA/KIP-447)), and newer than those of kafkajs. It
 * is a flexible version ([KIP-482](https://cwiki.apache.org/confluence/display/KAFKA/KIP-482)): lengths are
 * varints of the length plus one, and each structure ends with tagged fields, of which there are none here.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { int32 } from "./integers.ts";
import type { Requests } from "./requests.ts";

/** How it is identified on the wire. */
export const STABLE_OFFSET_FETCH = { apiKey: 9, apiVersion: 7, apiName: "OffsetFetch" } as const;

const NO_TAGS = Buffer.from([0]);
const REQUIRE_STABLE = Buffer.from([1]);

/**
 * Encodes the request, starting with the tagged fields of its header, which older versions do not have.
 *
 * @param payload The group and the partitions.
 */
export function encodeStableOffsetFetch({ groupId, topics }: Requests["StableOffsetFetch"][0]): Buffer {
  const parts = [NO_TAGS, text(groupId), length(topics.length)];
  for (const { topic, partitions } of topics) {
    parts.push(text(topic), length(partitions.length));
    for (const { partition } of partitions) parts.push(int32(partition));
    parts.push(NO_TAGS);
  }
  return Buffer.concat([...parts, REQUIRE_STABLE, NO_TAGS]);
}

/**
 * Decodes the response.
 *
 * @param bytes The response after its correlation id.
 */
export function decodeStableOffsetFetch(bytes: Buffer): Requests["StableOffsetFetch"][1] {
  const reader = new Reader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  const responses = reader.array(() => ({
    topic: reader.text(),
    partitions: reader.array(() => {
      const partition = reader.int32();
      const offset = reader.int64().toString();
      reader.int32(); // leader epoch
      reader.text(); // metadata
      return { partition, offset, errorCode: reader.int16() };
    }),
  }));
  return { responses, errorCode: reader.int16() };
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([length(bytes.length), bytes]);
}

function length(count: number): Buffer {
  const bytes: number[] = [];
  let rest = count + 1;
  for (; rest > 0x7f; rest >>>= 7) bytes.push(rest & 0x7f | 0x80);
  return Buffer.from([...bytes, rest]);
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#skip(8));
  }

  /** Empty for `null`. */
  text(): string {
    const size = Math.max(0, this.#varint() - 1);
    const start = this.#skip(size);
    return this.#bytes.toString("utf8", start, start + size);
  }

  /** Items, each of which ends with tagged fields. */
  array<T>(item: () => T): T[] {
    return Array.from({ length: Math.max(0, this.#varint() - 1) }, () => {
      const value = item();
      this.tags();
      return value;
    });
  }

  /** Skips tagged fields. */
  tags(): void {
    for (let count = this.#varint(); count > 0; count--) {
      this.#varint();
      this.#skip(this.#varint());
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#skip(1));
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  #skip(size: number): number {
    const at = this.#at;
    this.#at += size;
    return at;
  }
}
