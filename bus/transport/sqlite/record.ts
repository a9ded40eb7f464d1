import type { HeaderList, Message, MessageHeaders, OutgoingMessage, Text } from "../transport.ts";
import { fromEntries, toBytes, toText } from "../text.ts";

/** A message as it is stored. */
export interface StoredRecord {
  readonly key: Uint8Array | null;
  /**
   * JSON: an object, or a list of pairs where names are repeated or values are null. A text is a string, bytes are an
   * array with their base64. `null` for no headers.
   */
  readonly headers: string | null;
  readonly value: Uint8Array;
}

/** Counts for each record besides key, headers and value, so that empty records are bounded too. */
export const RECORD_OVERHEAD_BYTES = 64;

/** Encodes a message for the table. */
export function encodeRecord({ key, value, headers = {}, headerList }: OutgoingMessage): StoredRecord {
  const json = headerList ? JSON.stringify(encodeEntries(headerList)) : encodeHeaders(headers);
  return { key: key == null ? null : toBytes(key), headers: json, value };
}

/** Size of a record as the limits count it, in bytes. */
export function recordBytes({ key, headers, value }: StoredRecord): number {
  return value.length + (key?.length ?? 0) + characters(headers ?? "") + RECORD_OVERHEAD_BYTES;
}

/** As `length` of SQLite counts them: what was added must be what is subtracted when the record is removed. */
function characters(text: string): number {
  return text.length - (text.match(/[\ud800-\udbff]/g)?.length ?? 0);
}

/** {@linkcode recordBytes} in SQL. */
export const RECORD_BYTES_SQL =
  `length(value) + coalesce(length(key), 0) + coalesce(length(headers), 0) + ${RECORD_OVERHEAD_BYTES}`;

/** Decodes the key and headers of a record. */
export function decodeRecord(
  { key, headers }: StoredRecord,
): Pick<Message, "key" | "headers" | "headerList"> {
  return { key: key && toText(key), ...headers === null ? { headers: {} } : decodeHeaders(headers) };
}

function encodeHeaders(headers: MessageHeaders): string | null {
  let count = 0;
  for (const name in headers) {
    const value = headers[name]!;
    if (typeof value !== "string" || !value.isWellFormed() || !name.isWellFormed()) {
      return JSON.stringify(Object.fromEntries(encodeEntries(Object.entries(headers))));
    }
    count++;
  }
  return count === 0 ? null : JSON.stringify(headers);
}

type StoredText = string | readonly [base64: string] | null;

function encodeEntries(headers: HeaderList): [string, StoredText][] {
  return headers.map(([name, value]) => {
    const text = value instanceof Uint8Array ? toText(value) : value?.toWellFormed() ?? null;
    return [name.toWellFormed(), text instanceof Uint8Array ? [text.toBase64()] : text];
  });
}

function decodeHeaders(json: string): Pick<Message, "headers" | "headerList"> {
  const headers = JSON.parse(json);
  if (Array.isArray(headers)) return fromEntries(headers.map(([name, value]) => [name, decodeText(value)]));
  for (const name in headers) headers[name] = decodeText(headers[name]);
  return { headers };
}

function decodeText(stored: StoredText): Text | null {
  return typeof stored === "object" && stored !== null ? Uint8Array.fromBase64(stored[0]) : stored;
}
