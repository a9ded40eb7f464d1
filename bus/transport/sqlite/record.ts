import type { MessageHeaders, OutgoingMessage, Text } from "../transport.ts";
import { toBytes, toText } from "../text.ts";

/** A message as it is stored. */
export interface StoredRecord {
  readonly key: Uint8Array | null;
  /** JSON object: a text is a string, bytes are an array with their base64; `null` for no headers. */
  readonly headers: string | null;
  readonly value: Uint8Array;
}

/** Counts for each record besides key, headers and value, so that empty records are bounded too. */
export const RECORD_OVERHEAD_BYTES = 64;

/** Encodes a message for the table. */
export function encodeRecord({ key, value, headers }: OutgoingMessage): StoredRecord {
  return { key: key == null ? null : toBytes(key), headers: headers ? encodeHeaders(headers) : null, value };
}

/** Size of a record as the limits count it, in bytes. */
export function recordBytes({ key, headers, value }: StoredRecord): number {
  return value.length + (key?.length ?? 0) + (headers?.length ?? 0) + RECORD_OVERHEAD_BYTES;
}

/** {@linkcode recordBytes} in SQL. */
export const RECORD_BYTES_SQL =
  `length(value) + coalesce(length(key), 0) + coalesce(length(headers), 0) + ${RECORD_OVERHEAD_BYTES}`;

/** Decodes the key and headers of a record. */
export function decodeRecord({ key, headers }: StoredRecord): { key: Text | null; headers: MessageHeaders } {
  return { key: key && toText(key), headers: headers === null ? {} : decodeHeaders(headers) };
}

function encodeHeaders(headers: MessageHeaders): string | null {
  let count = 0;
  for (const name in headers) {
    const value = headers[name]!;
    if (typeof value !== "string" || !value.isWellFormed() || !name.isWellFormed()) {
      return encodeAnyHeaders(headers);
    }
    count++;
  }
  return count === 0 ? null : JSON.stringify(headers);
}

function encodeAnyHeaders(headers: MessageHeaders): string {
  const entries = Object.entries(headers).map(([name, value]) => {
    const text = typeof value === "string" ? value.toWellFormed() : toText(value);
    return [name.toWellFormed(), typeof text === "string" ? text : [text.toBase64()]];
  });
  return JSON.stringify(Object.fromEntries(entries));
}

function decodeHeaders(json: string): MessageHeaders {
  const headers = JSON.parse(json);
  for (const name in headers) {
    if (typeof headers[name] !== "string") headers[name] = Uint8Array.fromBase64(headers[name][0]);
  }
  return headers;
}
