import type { Buffer } from "node:buffer";
import { toText } from "../../text.ts";
import type { Message } from "../../transport.ts";
import { decompress } from "./compression.ts";
import { RecordReader } from "./record_reader.ts";
import type { Place } from "./requests.ts";

const CODEC = 0x07;
const LOG_APPEND_TIME = 0x08;
/** Offset, and length of what follows. */
const OVERHEAD_BYTES = 12;

/**
 * Decodes a message of the formats 0 and 1, before Kafka 0.11
 * (https://kafka.apache.org/documentation/#messageset). Compression makes one message of several.
 *
 * @param bytes The message, from its offset on.
 * @param place Its partition.
 */
export function decodeMessageSet(bytes: Buffer, place: Place): Message[] {
  const outer = read(new RecordReader(bytes), place);
  if (outer.codec === 0) return [outer.message];
  const reader = new RecordReader(decompress(outer.codec, outer.message.value as Buffer));
  const inner: Message[] = [];
  while (!reader.isAtEnd) inner.push(read(reader, place).message);
  const { offset, timestamp } = outer.message;
  // The outer offset is that of the last one. Format 1 counts the inner ones from 0, format 0 does not.
  const shift = offset - (inner.at(-1)?.offset ?? offset);
  return inner.map((message) => ({
    ...message,
    offset: message.offset + shift,
    timestamp: outer.isAppendTime ? timestamp : message.timestamp,
  }));
}

function read(reader: RecordReader, place: Place) {
  const offset = reader.int64();
  reader.skip(OVERHEAD_BYTES - 8 + 4); // length, checksum
  const magic = reader.int8();
  const attributes = reader.int8();
  const timestamp = magic === 0 ? 0 : reader.int64();
  const key = reader.bytes(reader.int32());
  const value = reader.bytes(reader.int32()) ?? new Uint8Array();
  const message: Message = { ...place, offset, timestamp, key: key && toText(key), value, headers: {} };
  return { message, codec: attributes & CODEC, isAppendTime: (attributes & LOG_APPEND_TIME) !== 0 };
}
