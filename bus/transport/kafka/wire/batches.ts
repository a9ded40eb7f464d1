/**
 * Decodes what a fetch returns of a partition: batches of records.
 *
 * kafkajs knows no batches, only their records: one batch that cannot be decoded makes all others unreadable, and an empty
 * one, as compaction leaves it, does not exist.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { messageOf } from "../../../../lib/coded_error.ts";
import { fromEntries, toText } from "../../text.ts";
import type { Message, Text } from "../../transport.ts";
import { crc32c } from "./crc32c.ts";
import { decompress } from "./compression.ts";
import { BrokerFault, CODE } from "./faults.ts";
import { decodeMessageSet } from "./message_set.ts";
import { RecordReader } from "./record_reader.ts";
import type { AbortedTransaction, FetchedRange, Place } from "./requests.ts";

/** The header of a batch. */
export interface BatchHeader {
  /** Offset of its first record; in old formats that of the last. */
  readonly first: number;
  /** Offset of its last record, even if compaction has removed it. */
  readonly last: number;
  /** In milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
  /** Whether it is the broker's. */
  readonly isAppendTime: boolean;
  readonly producerId: bigint;
  readonly isTransactional: boolean;
  /** If it only ends a transaction: how. */
  readonly marker: "commit" | "abort" | null;
}

/** First offset, and length of what follows. */
const OVERHEAD_BYTES = 12;
const HEADER_BYTES = 61;
const MIN_BYTES = 26;
const MAGIC_AT = 16;
const CRC_AT = 17;
/** Batches of records; before it, each message was for itself. */
const MAGIC_OF_BATCHES = 2;
const ATTRIBUTES_AT = 21;
const CODEC = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** Type in the key of a control record: https://kafka.apache.org/documentation/#controlbatch. */
const ABORT = 0;

/**
 * Decodes the batches of a partition. A batch that cannot be decoded becomes one message, see
 * {@linkcode Message.undecodable}.
 *
 * @param bytes The batches; the last one may be cut off.
 * @param place The partition.
 * @param aborted The aborted transactions among them, in any order.
 * @throws {BrokerFault} If it is not known where the next batch begins.
 */
export function decodeBatches(
  bytes: Buffer,
  place: Place,
  aborted: readonly AbortedTransaction[],
): FetchedRange {
  const isVisible = visibility(aborted);
  const messages: Message[] = [];
  let [end, isAppendTime]: [number | null, boolean] = [null, false];
  for (const batch of split(bytes, place)) {
    const header = headerOf(batch);
    [end, isAppendTime] = [header.last + 1, header.isAppendTime];
    if (!isVisible(header)) continue;
    for (const message of decodeBatch(batch, header, place)) messages.push(message);
  }
  return { messages, end, isAppendTime };
}

function* split(bytes: Buffer, { topic, partition }: Place): Generator<Buffer> {
  for (let at = 0; at + OVERHEAD_BYTES <= bytes.length;) {
    const size = OVERHEAD_BYTES + bytes.readInt32BE(at + 8);
    if (size < MIN_BYTES) throw new BrokerFault(CODE.CORRUPT_MESSAGE, `A batch of ${topic} ${partition}`);
    if (at + size > bytes.length) return;
    yield bytes.subarray(at, at += size);
  }
}

function headerOf(batch: Buffer): BatchHeader {
  const first = Number(batch.readBigInt64BE(0));
  if (batch.readInt8(MAGIC_AT) < MAGIC_OF_BATCHES) {
    const unknown = {
      timestamp: 0,
      isAppendTime: false,
      producerId: -1n,
      isTransactional: false,
      marker: null,
    };
    return { first, last: first, ...unknown };
  }
  const attributes = batch.readInt16BE(ATTRIBUTES_AT);
  return {
    first,
    last: first + batch.readInt32BE(23),
    timestamp: Number(batch.readBigInt64BE(35)),
    isAppendTime: (attributes & LOG_APPEND_TIME) !== 0,
    producerId: batch.readBigInt64BE(43),
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    marker: attributes & CONTROL ? markerOf(batch) : null,
  };
}

function markerOf(batch: Buffer): "commit" | "abort" {
  const [key] = [...recordsOf(batch)].map(({ key }) => key);
  return key?.readInt16BE(2) === ABORT ? "abort" : "commit";
}

/**
 * Whether batches, in ascending order of their offsets, may be seen: those of aborted transactions may not, nor the
 * markers that end transactions.
 *
 * @param aborted The aborted transactions, in any order. Those of several producers can overlap, and a fetch can start
 * within them.
 */
export function visibility(aborted: readonly AbortedTransaction[]): (batch: BatchHeader) => boolean {
  const coming = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const current = new Set<bigint>();
  return ({ last, producerId, isTransactional, marker }) => {
    while (coming.length > 0 && coming[0]!.firstOffset <= last) current.add(coming.shift()!.producerId);
    if (marker === "abort") current.delete(producerId);
    return marker === null && !(isTransactional && current.has(producerId));
  };
}

function decodeBatch(batch: Buffer, header: BatchHeader, place: Place): Message[] {
  try {
    if (batch.readInt8(MAGIC_AT) < MAGIC_OF_BATCHES) return decodeMessageSet(batch, place);
    if (crc32c(batch.subarray(ATTRIBUTES_AT)) !== batch.readUInt32BE(CRC_AT)) {
      throw new RangeError("the checksum is wrong");
    }
    return [...recordsOf(batch)].map((record) => toMessage(record, place));
  } catch (error) {
    const { first, last, timestamp } = header;
    const undecodable = `The offsets ${first} to ${last} cannot be decoded: ${messageOf(error)}`;
    return [{
      ...place,
      offset: last,
      timestamp,
      key: null,
      value: new Uint8Array(batch),
      headers: {},
      undecodable,
    }];
  }
}

interface RawRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: Buffer | null, value: Buffer | null])[];
}

function* recordsOf(batch: Buffer): Generator<RawRecord> {
  const first = Number(batch.readBigInt64BE(0));
  const attributes = batch.readInt16BE(ATTRIBUTES_AT);
  const [firstTimestamp, lastTimestamp] = [27, 35].map((at) => Number(batch.readBigInt64BE(at)));
  const reader = new RecordReader(decompress(attributes & CODEC, batch.subarray(HEADER_BYTES)));
  for (let count = batch.readInt32BE(57); count > 0; count--) {
    reader.varint(); // length
    reader.int8(); // attributes
    const timestamp = firstTimestamp! + reader.varint();
    yield {
      offset: first + reader.varint(),
      timestamp: attributes & LOG_APPEND_TIME ? lastTimestamp! : timestamp,
      key: reader.bytes(reader.varint()),
      value: reader.bytes(reader.varint()),
      headers: readHeaders(reader),
    };
  }
}

function readHeaders(reader: RecordReader): RawRecord["headers"] {
  const headers = [];
  for (let count = reader.varint(); count > 0; count--) {
    headers.push([reader.bytes(reader.varint()), reader.bytes(reader.varint())] as const);
  }
  return headers;
}

function toMessage({ offset, timestamp, key, value, headers }: RawRecord, place: Place): Message {
  return {
    ...place,
    offset,
    timestamp,
    key: key && textApart(key),
    value: value ? apart(value) : new Uint8Array(),
    ...fromEntries(headers.map(([name, value]) => [headerName(name), value && textApart(value)])),
  };
}

/** Invalid UTF-8 becomes U+FFFD. */
function headerName(bytes: Buffer | null): string {
  const text = bytes === null ? "" : toText(bytes);
  return typeof text === "string" ? text : `${bytes}`;
}

function textApart(bytes: Buffer): Text {
  const text = toText(bytes);
  return typeof text === "string" ? text : new Uint8Array(text);
}

/** A small view of a large answer would keep all of it in memory for as long as the message is in flight. */
function apart(value: Buffer): Uint8Array {
  return value.length * 2 > value.buffer.byteLength ? value : new Uint8Array(value);
}
