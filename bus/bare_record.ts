/**
 * Records without an envelope, as `kcat`, console producers and Kafka Connect write them: producers that set
 * no headers. The topic determines the model.
 *
 * The value is the encoded image itself. What such producers make of bytes is accepted too:
 *
 * | value | written by |
 * |---|---|
 * | base64, with or without line breaks | console producers, shells |
 * | `data:image/png;base64,…` | browsers |
 * | a JSON string of either | Kafka Connect's JsonConverter without schemas, the legacy system |
 * | `{ "schema": {…}, "payload": "base64" }` | Kafka Connect's JsonConverter with schemas |
 * | a CloudEvent in JSON without its media type | SDKs that leave the content type to the caller |
 *
 * Another JSON object is refused with the ways to send an image. Everything else counts as an image: its
 * decoder reports whether it is one.
 *
 * @module
 */
import { type CloudEvent, decodeBase64, jsonEvent, Malformed } from "./cloud_event.ts";

/** An image, or an event that has one. */
export type BareValue = { readonly image: Uint8Array } | { readonly event: CloudEvent };

const QUOTE = 0x22;
const BRACE = 0x7b;
const DATA_URI = /^data:[^,]{0,200};base64,/i;
/** No image begins with so many of these characters, except PNM in text. */
const BASE64 = /^(?!P[1-7]\s)[\w+/=\r\n-]{64}/;

/**
 * Reads the value of a record without an envelope.
 *
 * @param value The value.
 * @throws {Malformed}
 */
export function readBareValue(value: Uint8Array): BareValue {
  const first = value.find((byte) => byte > 0x20);
  if (first === BRACE || first === QUOTE) return readJson(value);
  const head = new TextDecoder("latin1").decode(value.subarray(0, 256)).trimStart();
  const isText = DATA_URI.test(head) || BASE64.test(head);
  return { image: isText ? fromText(new TextDecoder("latin1").decode(value), "The value") : value };
}

function readJson(value: Uint8Array): BareValue {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(value));
  } catch {
    return { image: value };
  }
  if (typeof json === "string") return { image: fromText(json, "The JSON string") };
  const object = json as Record<string, unknown>;
  if (object["specversion"] !== undefined) return { event: jsonEvent(object) };
  if ("schema" in object && typeof object["payload"] === "string") {
    return { image: fromText(object["payload"], "payload") };
  }
  throw new Malformed(
    "The value is a JSON object without specversion: send the image itself, its base64 as a JSON string, " +
      "or a CloudEvent with data_base64",
  );
}

function fromText(text: string, what: string): Uint8Array {
  const trimmed = text.trim();
  return decodeBase64(trimmed.replace(DATA_URI, ""), what);
}
