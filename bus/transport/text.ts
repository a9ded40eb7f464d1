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

/**
 * Decodes a received key or header.
 *
 * @param bytes Any bytes.
 * @returns A string if they are valid UTF-8 (a byte order mark stays part of it), else the same bytes.
 */
export function toText(bytes: Uint8Array): Text {
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
  const headers: MessageHeaders = Object.fromEntries(list.map(([name, value]) => [name, value ?? ""]));
  const isWhole = Object.keys(headers).length === list.length && list.every(([, value]) => value !== null);
  return isWhole ? { headers } : { headers, headerList: list };
}
