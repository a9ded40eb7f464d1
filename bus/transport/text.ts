import type { Text } from "./transport.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The bytes of a key or a header.
 *
 * @param text Text (lone surrogates become U+FFFD), or bytes, which are returned as they are.
 */
export function toBytes(text: Text): Uint8Array {
  return typeof text === "string" ? encoder.encode(text) : text;
}

/**
 * What a key or a header is received as.
 *
 * @param bytes Any bytes.
 * @returns A string when they are valid UTF-8 (a byte order mark stays part of it), else the same bytes.
 */
export function toText(bytes: Uint8Array): Text {
  try {
    return decoder.decode(bytes);
  } catch {
    return bytes;
  }
}
