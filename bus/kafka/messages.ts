import { Buffer } from "node:buffer";
import { toText } from "../text.ts";
import type { Headers, Message, OutgoingMessage, Text } from "../transport.ts";
import type { FetchedRecord, RecordToSend } from "./protocol.ts";

/** About what a record takes besides its key, value and headers: lengths, deltas, attributes. */
const RECORD_OVERHEAD_BYTES = 36;
const HEADER_OVERHEAD_BYTES = 6;

/** The encoder takes a plain Uint8Array for text, without an error. */
function view(text: Text): Buffer {
  if (typeof text === "string") return Buffer.from(text);
  return Buffer.from(text.buffer as ArrayBuffer, text.byteOffset, text.byteLength);
}

/** A message in the form in which it is sent; its bytes are not copied. */
export function toRecord({ key = null, value, headers = {} }: OutgoingMessage): RecordToSend {
  return {
    key: key === null ? null : view(key),
    value: view(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, view(text)])),
  };
}

/** About how many bytes a record takes in a batch; never less than it does. */
export function sizeOf({ key, value, headers }: RecordToSend): number {
  let size = RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + value.length;
  for (const name in headers) {
    size += HEADER_OVERHEAD_BYTES + Buffer.byteLength(name) + headers[name]!.length;
  }
  return size;
}

/** About how many bytes a fetched record holds. */
export function heldBytes({ key, value }: FetchedRecord): number {
  return RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
}

/** A fetched record as users receive it. */
export function toMessage(topic: string, partition: number, record: FetchedRecord): Message {
  const { offset, timestamp, key, value, headers } = record;
  return {
    topic,
    partition,
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: key && toText(key),
    value: value ?? new Uint8Array(),
    headers: toHeaders(headers),
  };
}

function toHeaders(headers: FetchedRecord["headers"]): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const last = Array.isArray(value) ? value.at(-1) : value;
      return [name, last ? toText(last) : ""];
    }),
  );
}
