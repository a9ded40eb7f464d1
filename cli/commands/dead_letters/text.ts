import type { DeadLetter, DeadLetterInfo } from "../../../bus/dead_letter.ts";
import type { Text } from "../../../bus/transport/transport.ts";

/** Control characters, and those that turn the direction of a text: what comes from outside must not steer a terminal. */
// deno-lint-ignore no-control-regex -- they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text from outside, for a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A key or header for a terminal. */
export function printableText(text: Text): string {
  return typeof text === "string" ? printable(text) : `base64 ${text.toBase64()}`;
}

/** Bytes as people write them. */
export function size(bytes: number): string {
  return bytes.toLocaleString("en");
}

/** What is known of a dead letter, for programs. */
export function toObject(info: DeadLetterInfo): Record<string, unknown> {
  const { expiresAt, timestamp, ...rest } = info;
  return {
    ...rest,
    sentAt: new Date(timestamp).toISOString(),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
  };
}

/** All of a dead letter but its bytes, for programs. */
export function toWholeObject({ key, headers, value: _value, image: _image, ...info }: DeadLetter) {
  const texts = Object.entries(headers).map(([name, value]) => [name, toJson(value)]);
  return { ...toObject(info), key: key === null ? null : toJson(key), headers: Object.fromEntries(texts) };
}

function toJson(text: Text): string | { base64: string } {
  return typeof text === "string" ? text : { base64: text.toBase64() };
}
