import type { HeaderList, Message, MessageHeaders, OutgoingMessage, Text } from "./transport.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Encodes a key or header as UTF-8.
 *
 * @param text Text (lone surrogates become U+FFFD), or bytes, which are returned unchanged.
 */
export function toBytes(text: Text): Uint8Array {
  return typeof text === "string" ? encoder.encode(text) : text;
}

/** Texts that were decoded before, by a hash of their bytes; a newer one takes the place of an older one. */
const KNOWN = 1_024;
const MAX_KNOWN_BYTES = 20;
const known: ({ readonly bytes: Uint8Array; readonly text: string } | undefined)[] = Array(KNOWN).fill(
  undefined,
);

/**
 * Decodes a received key or header.
 *
 * @param bytes Any bytes.
 * @returns A string if they are valid UTF-8 (a byte order mark stays part of it), else the same bytes.
 */
export function toText(bytes: Uint8Array): Text {
  return bytes.length > MAX_KNOWN_BYTES ? decode(bytes) : decodeShort(bytes);
}

/** Names and most values are the same in all messages: to compare bytes is faster than a call into the runtime. */
function decodeShort(bytes: Uint8Array): Text {
  let hash = bytes.length;
  for (let i = 0; i < bytes.length; i++) hash = hash * 31 + bytes[i]! | 0;
  const place = (hash ^ hash >>> 10) & KNOWN - 1;
  const entry = known[place];
  if (entry !== undefined && equal(entry.bytes, bytes)) return entry.text;
  const text = decode(bytes);
  if (typeof text === "string") known[place] = { bytes: new Uint8Array(bytes), text };
  return text;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function decode(bytes: Uint8Array): Text {
  try {
    return decoder.decode(bytes);
  } catch {
    return bytes;
  }
}

/**
 * A header as text.
 *
 * @param headers Of a message.
 * @param name Case-sensitive.
 * @returns `undefined` if it is missing or is not valid UTF-8.
 */
export function headerText(headers: MessageHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

/** All headers of a message. */
export function entriesOf(
  { headers = {}, headerList }: Pick<OutgoingMessage, "headers" | "headerList">,
): HeaderList {
  return headerList ?? Object.entries(headers);
}

/** The headers of a received message; as a list too where that is needed. */
export function fromEntries(list: HeaderList): Pick<Message, "headers" | "headerList"> {
  const headers: Record<string, Text> = {};
  let isWhole = true;
  for (const [name, value] of list) {
    if (value === null || Object.hasOwn(headers, name)) isWhole = false;
    if (name === PROTOTYPE) setOwn(headers, name, value ?? "");
    else headers[name] = value ?? "";
  }
  return isWhole ? { headers } : { headers, headerList: list };
}

const PROTOTYPE = "__proto__";

/** An assignment to this name would change what the object inherits. */
function setOwn(headers: Record<string, Text>, name: string, value: Text): void {
  Object.defineProperty(headers, name, { value, writable: true, enumerable: true, configurable: true });
}
