import type { DeadLetter, DeadLetterInfo } from "../../../bus/dead_letter.ts";
import type { Text } from "../../../bus/transport/transport.ts";

/** A key or header as a text. */
export function textOf(text: Text): string {
  return typeof text === "string" ? text : `base64 ${text.toBase64()}`;
}

/** A number of bytes with separators: `15,728,640`. */
export function size(bytes: number): string {
  return bytes.toLocaleString("en");
}

/** A dead letter as a JSON object, without headers and content. */
export function toObject(info: DeadLetterInfo): Record<string, unknown> {
  const { expiresAt, timestamp, ...rest } = info;
  return {
    ...rest,
    sentAt: new Date(timestamp).toISOString(),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
  };
}

/** A dead letter as a JSON object, without its content. */
export function toWholeObject(letter: DeadLetter) {
  const { key, headers, headerList, value: _value, image: _image, ...info } = letter;
  const texts = Object.entries(headers).map(([name, value]) => [name, toJson(value)]);
  return {
    ...toObject(info),
    key: toJson(key),
    headers: Object.fromEntries(texts),
    ...headerList && { headerList: headerList.map(([name, value]) => [name, toJson(value)]) },
  };
}

function toJson(text: Text | null): string | { base64: string } | null {
  return text instanceof Uint8Array ? { base64: text.toBase64() } : text;
}
