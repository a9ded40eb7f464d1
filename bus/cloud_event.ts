/**
 * CloudEvents 1.0.2 in both modes of the Kafka protocol binding: binary (attributes are headers) and
 * structured (the value is the event in the JSON format).
 *
 * @module
 */
import { messageOf } from "../lib/coded_error.ts";
import { headerText } from "./transport/text.ts";
import type { Message, MessageHeaders } from "./transport/transport.ts";

/** Media type of structured mode. */
export const STRUCTURED = "application/cloudevents+json";

/** What is wrong with a record: a sentence for whoever sent it. */
export class Malformed extends Error {}

/** An event, opened but not checked. */
export interface CloudEvent {
  /**
   * An attribute as text; numbers and booleans as JSON writes them.
   *
   * @returns `undefined` if it is missing, or empty, which the specification forbids.
   */
  attribute(name: string): string | undefined;
  /**
   * The data.
   *
   * @throws {Malformed}
   */
  data(): Uint8Array;
}

/**
 * Opens an event in binary mode.
 *
 * @param message The record. Attributes are headers with the prefix `ce_`, except that of the tracing extension.
 */
export function binaryEvent({ headers, value }: Pick<Message, "headers" | "value">): CloudEvent {
  return {
    attribute: (name) =>
      headerText(headers, `ce_${name}`) ||
      (name === "traceparent" && headerText(headers, name)) || undefined,
    data: () => value,
  };
}

/**
 * Opens an event in structured mode.
 *
 * @param value A JSON object, in UTF-8.
 * @throws {Malformed}
 */
export function structuredEvent(value: Uint8Array): CloudEvent {
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(value));
  } catch (cause) {
    throw new Malformed(`The content-type is ${STRUCTURED}, but the value is not JSON: ${messageOf(cause)}`);
  }
  if (typeof event !== "object" || event === null) throw new Malformed("The event is not a JSON object");
  return jsonEvent(event);
}

/** An event that is parsed already. */
export function jsonEvent(event: Readonly<Record<string, unknown>>): CloudEvent {
  return {
    attribute: (name) => {
      const value = Object.hasOwn(event, name) ? event[name] : undefined;
      return ["string", "number", "boolean"].includes(typeof value) ? String(value) || undefined : undefined;
    },
    data: () => {
      if (typeof event["data_base64"] === "string") return decodeBase64(event["data_base64"], "data_base64");
      const other = "data" in event
        ? "The event has data, but no data_base64"
        : "The event has no data_base64";
      throw new Malformed(`${other}: expected the image in base64`);
    },
  };
}

/** Whether the value is an event in structured mode, by its headers. Media types know no case (RFC 9110). */
export function isStructured(headers: MessageHeaders): boolean {
  const type = headerText(headers, "content-type") ?? "";
  return type.length >= STRUCTURED.length && type.split(";", 1)[0]!.trim().toLowerCase() === STRUCTURED;
}

/**
 * Decodes base64, with the usual or the URL alphabet; line breaks and missing padding are accepted.
 *
 * @param text The base64.
 * @param what Its name in the message.
 * @throws {Malformed}
 */
export function decodeBase64(text: string, what: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text, { alphabet: /[-_]/.test(text) ? "base64url" : "base64" });
  } catch (cause) {
    throw new Malformed(`${what} is not base64: ${messageOf(cause)}`);
  }
}
