import { toText } from "../../text.ts";
import type { Message, MessageHeaders } from "../../transport.ts";
import type { FetchedRecord } from "./requests.ts";

const RECORD_OVERHEAD_BYTES = 100;

/** Approximate memory of a fetched record, in bytes. */
export function heldBytes({ key, value }: FetchedRecord): number {
  return RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
}

/** Converts a fetched record. */
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

function toHeaders(headers: FetchedRecord["headers"]): MessageHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const last = Array.isArray(value) ? value.at(-1) : value;
      return [name, last ? toText(last) : ""];
    }),
  );
}
