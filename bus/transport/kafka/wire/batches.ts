/**
 * Decodes what a fetch returns of a partition: batches of records.
 *
 * kafkajs knows no batches, only their records: one batch that cannot be decoded makes all others unreadable, and an empty
 * one, as compaction leaves it, does not exist.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { messageOf } from "../../../../lib/coded_error.ts";
import type { Message } from "../../transport.ts";
import { crc32c } from "./crc32c.ts";
import { decompress } from "./compression.ts";
import { BrokerFault, CODE } from "./faults.ts";
import { decodeMessageSet } from "./message_set.ts";
import { RecordReader } from "./record_reader.ts";
import { decodeRecords } from "./records.ts";
import type { AbortedTransaction, BatchHeader, FetchedBatch, FetchedRange, Place } from "./requests.ts";

/** First offset, and length of what follows. */
const OVERHEAD_BYTES = 12;
const HEADER_BYTES = 61;
const MIN_BYTES = 26;
const MAGIC_AT = 16;
const CRC_AT = 17;
/** Batches of records; before it, each message was for itself. */
const MAGIC_OF_BATCHES = 2;
const ATTRIBUTES_AT = 21;
const COUNT_AT = 57;
const CODEC = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** Type in the key of a control record: https://kafka.apache.org/documentation/#controlbatch. */
const ABORT = 0;

/**
 * Finds the batches of a partition.
 *
 * @param bytes The batches; the last one may be cut off.
 * @param place The partition.
 * @param aborted The aborted transactions among them, in any order.
 * @returns Those that may be seen; their records are decoded by {@linkcode decodeBatch}.
 * @throws {BrokerFault} If it is not known where the next batch begins.
 */
export function splitBatches(
  bytes: Buffer,
  place: Place,
  aborted: readonly AbortedTransaction[],
): FetchedRange {
  const isVisible = visibility(aborted);
  const batches: FetchedBatch[] = [];
  let [end, isAppendTime]: [number | null, boolean] = [null, false];
  for (const batch of split(apart(bytes), place)) {
    const header = headerOf(batch);
    [end, isAppendTime] = [header.last + 1, header.isAppendTime];
    if (isVisible(header)) batches.push({ header, bytes: batch });
  }
  return { batches, end, isAppendTime };
}

/** A view would keep the whole answer in memory, with what it has of other partitions. */
function apart(bytes: Buffer): Buffer {
  if (bytes.length * 2 > bytes.buffer.byteLength) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
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
  return batch.readInt32BE(COUNT_AT) > 0 && firstKeyOf(batch)?.readInt16BE(2) === ABORT ? "abort" : "commit";
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

/**
 * Decodes the records of a batch. A batch that cannot be decoded becomes one message, see
 * {@linkcode Message.undecodable}.
 *
 * @param batch Of {@linkcode splitBatches}.
 * @param place The partition.
 * @returns In ascending order of their offsets; none if compaction has removed them all.
 */
export function decodeBatch({ header, bytes: batch }: FetchedBatch, place: Place): Message[] {
  try {
    if (batch.readInt8(MAGIC_AT) < MAGIC_OF_BATCHES) return decodeMessageSet(batch, place);
    if (crc32c(batch.subarray(ATTRIBUTES_AT)) !== batch.readUInt32BE(CRC_AT)) {
      throw new RangeError("the checksum is wrong");
    }
    return decodeRecords(decompress(codecOf(batch), batch.subarray(HEADER_BYTES)), {
      ...place,
      count: batch.readInt32BE(COUNT_AT),
      first: header.first,
      timestamp: Number(batch.readBigInt64BE(27)),
      appendTime: header.isAppendTime ? header.timestamp : null,
    });
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

/** The key of the first record. */
function firstKeyOf(batch: Buffer): Buffer | null {
  const reader = new RecordReader(decompress(codecOf(batch), batch.subarray(HEADER_BYTES)));
  reader.varint(); // length
  reader.skip(1); // attributes
  reader.varint(); // timestamp
  reader.varint(); // offset
  return reader.bytes(reader.varint());
}

function codecOf(batch: Buffer): number {
  return batch.readInt16BE(ATTRIBUTES_AT) & CODEC;
}
