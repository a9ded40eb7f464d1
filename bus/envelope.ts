/**
 * The wire format: CloudEvents 1.0 in Kafka's binary content mode, so that any CloudEvents producer can be a client.
 *
 * A request's value is the encoded image, nothing else. Its headers:
 *
 * | header | |
 * |---|---|
 * | `ce_specversion` | `1.0` |
 * | `ce_id` | 1 to 256 characters, unique; the key of the result |
 * | `ce_source` | who sends, a URI reference |
 * | `ce_type` | `imagebus.classify` |
 * | `ce_time` | optional, RFC 3339 |
 * | `content-type` | optional; what the bytes are is seen from the bytes |
 * | `ce_model` | optional: without it the topic says the model |
 * | `ce_replyto` | optional: one more topic for the result, besides `imagebus.results` |
 * | `ce_correlationid`, `traceparent` | optional, handed on to the result |
 * | `ce_expirytime` | optional, RFC 3339: not computed after that |
 * | `ce_actual` | optional: the true label, handed on to the result |
 * | `ce_attempts` | how often it was tried, this time included: set where a dead letter is replayed |
 * | `imagebus_id` | the id of a replayed record that says none (`dead_letter.ts`) |
 *
 * Structured mode (`content-type: application/cloudevents+json`, the image in `data_base64`) is accepted as well, and so
 * are the records of the system that imagebus replaces (`legacy_format.ts`).
 *
 * A result has type `imagebus.classified` or `imagebus.failed`, the id of its request, and a {@linkcode Result} as JSON.
 *
 * Specifications: CloudEvents 1.0.2, its Kafka protocol binding 1.0.2 and JSON format 1.0.2; extensions
 * `expirytime`, `correlationid` and distributed tracing.
 *
 * @module
 */
import type { Result } from "./result.ts";
import { decodeLegacyRecord, isLegacyTopic } from "./legacy_format.ts";
import { modelOfTopic } from "./topics.ts";
import type { Message, MessageHeaders, OutgoingMessage, Text } from "./transport/transport.ts";

/** `ce_type` of an image to be classified. */
export const CLASSIFY = "imagebus.classify";

const CLASSIFIED = "imagebus.classified";
const FAILED = "imagebus.failed";
const STRUCTURED = "application/cloudevents+json";
const MAX_ID_LENGTH = 256;
const TOPIC_NAME = /^[A-Za-z0-9._-]{1,249}$/;

/** What travels from a request to its result, whether or not the request can be read. */
export interface Origin {
  /** Unique; given by the sender, or made from topic, partition, offset and time where the record has none, and kept when it is replayed. */
  readonly id: string;
  /** Order is kept among equal keys, from requests to results. */
  readonly key: Text | null;
  /** One more topic that gets the result. */
  readonly replyTo?: string;
  /** Handed on to the result. */
  readonly correlationId?: string;
  /** W3C trace context, handed on to the result. */
  readonly traceparent?: string;
  /** The true label, where the sender told it. */
  readonly actual?: string;
}

/** An image to be classified. */
export interface Request extends Origin {
  /** The model that is asked. */
  readonly model: string;
  /** The encoded image; can be a view. */
  readonly image: Uint8Array;
  /** Not to be computed after this, in milliseconds since 1970-01-01 UTC. */
  readonly expiresAt?: number;
}

/** What a record turned out to be. */
export type Decoded =
  | { readonly ok: true; readonly request: Request }
  | { readonly ok: false; readonly origin: Origin; readonly model: string | null; readonly reason: string };

/**
 * Writes a request as a message.
 *
 * @param request What to send.
 * @param contentType The media type of the image.
 * @returns The message, its value the very bytes of the image.
 *
 * @example
 * ```ts
 * import { encodeRequest } from "./envelope.ts";
 * const message = encodeRequest({ id: "7", key: "7", model: "mnist", image: new Uint8Array(3) }, "image/png");
 * if (message.headers?.["ce_model"] !== "mnist") throw new Error("unexpected");
 * ```
 */
export function encodeRequest(request: Request, contentType: string): OutgoingMessage {
  return {
    key: request.key,
    value: request.image,
    headers: {
      ...attributes(CLASSIFY, request.id, "imagebus/client"),
      "content-type": contentType,
      ce_model: request.model,
      ...handedOn(request),
      ...(request.replyTo !== undefined && { ce_replyto: request.replyTo }),
      ...(request.expiresAt !== undefined && { ce_expirytime: new Date(request.expiresAt).toISOString() }),
    },
  };
}

/**
 * Reads a request. Never throws: a record that is no request is data too.
 *
 * @param message A record of a request topic, or of a topic of the replaced system.
 * @returns The request, or what is wrong and to whom to say so.
 */
export function decodeRequest(message: Message): Decoded {
  const fallback: Origin = { id: replayedId(message) ?? positionId(message), key: message.key };
  try {
    return { ok: true, request: read(message, fallback) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return {
      ok: false,
      origin: readableOrigin(message, fallback),
      model: modelName(message),
      reason: error.message,
    };
  }
}

/**
 * Writes a result as a message.
 *
 * @param result What was found.
 * @param origin Where the request came from.
 */
export function encodeResult(result: Result, origin: Origin): OutgoingMessage {
  const type = result.status === "classified" ? CLASSIFIED : FAILED;
  return {
    key: origin.key,
    value: new TextEncoder().encode(JSON.stringify(result)),
    headers: {
      ...attributes(type, result.id, "imagebus/worker"),
      "content-type": "application/json",
      ...handedOn(origin),
    },
  };
}

/**
 * Reads a result.
 *
 * @param message A record of the results topic.
 * @returns The result, or `null` for a record that is none.
 */
export function decodeResult(message: Message): Result | null {
  const type = message.headers["ce_type"];
  if (type !== CLASSIFIED && type !== FAILED) return null;
  try {
    const result = JSON.parse(new TextDecoder().decode(message.value));
    return typeof result?.id === "string" && typeof result.status === "string" ? result : null;
  } catch {
    return null;
  }
}

class Malformed extends Error {}

function attributes(type: string, id: string, source: string): MessageHeaders {
  return {
    ce_specversion: "1.0",
    ce_id: id,
    ce_source: source,
    ce_type: type,
    ce_time: new Date().toISOString(),
  };
}

function handedOn(origin: Origin): MessageHeaders {
  return {
    ...(origin.correlationId !== undefined && { ce_correlationid: origin.correlationId }),
    ...(origin.traceparent !== undefined && { traceparent: origin.traceparent }),
    ...(origin.actual !== undefined && { ce_actual: origin.actual }),
  };
}

/** The id that a record without one was given when it first failed. */
function replayedId({ headers }: Message): string | null {
  const id = headers["imagebus_id"];
  return typeof id === "string" && id.length >= 1 && id.length <= MAX_ID_LENGTH ? id : null;
}

/** Where a record has no id: the same each time it is delivered, another after the log was made anew. */
function positionId(message: Message): string {
  return `${message.topic}-${message.partition}-${message.offset}-${message.timestamp}`;
}

function read(message: Message, fallback: Origin): Request {
  const contentType = message.headers["content-type"];
  if (typeof contentType === "string" && contentType.startsWith(STRUCTURED)) return readStructured(message);
  if (message.headers["ce_specversion"] !== undefined) {
    return toRequest(message, (name) => text(message.headers, name), message.value);
  }
  if (isLegacyTopic(message.topic)) return readLegacy(message, fallback);
  throw new Malformed(
    "The message has no envelope: expected the header ce_specversion (CloudEvents, binary mode) " +
      `or content-type ${STRUCTURED}`,
  );
}

function readLegacy(message: Message, fallback: Origin): Request {
  const record = decodeLegacyRecord(message);
  if (typeof record === "string") throw new Malformed(record);
  return { ...fallback, ...record };
}

function readStructured(message: Message): Request {
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(message.value));
  } catch (cause) {
    throw new Malformed(`The message says ${STRUCTURED}, but is not JSON: ${(cause as Error).message}`);
  }
  if (typeof event !== "object" || event === null) throw new Malformed("The event is not a JSON object");
  const attribute = (name: string) => {
    const value = event[name];
    return typeof value === "string" ? value : undefined;
  };
  return toRequest(message, attribute, decodeBase64(event["data_base64"]));
}

function decodeBase64(data: unknown): Uint8Array {
  if (typeof data !== "string") {
    throw new Malformed("The event has no data_base64: expected the image in base64");
  }
  try {
    return Uint8Array.fromBase64(data);
  } catch (cause) {
    throw new Malformed(`data_base64 is not base64: ${(cause as Error).message}`);
  }
}

function toRequest(
  message: Message,
  attribute: (name: string) => string | undefined,
  image: Uint8Array,
): Request {
  expectValue("specversion", attribute("specversion"), "1.0");
  expectValue("type", attribute("type"), CLASSIFY);
  if (!attribute("source")) {
    throw new Malformed("The attribute source is missing: expected who sends, a URI reference");
  }
  const id = attribute("id") ?? "";
  if (id.length < 1 || id.length > MAX_ID_LENGTH) {
    throw new Malformed(`The attribute id has ${id.length} characters: expected 1 to ${MAX_ID_LENGTH}`);
  }
  const model = attribute("model") ?? modelOfTopic(message.topic);
  if (model === null) {
    throw new Malformed(`Neither the attribute model nor the topic ${message.topic} says a model`);
  }
  const expiresAt = expiry(attribute("expirytime"));
  return {
    ...origin(attribute, id, message.key),
    model,
    image,
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

function origin(attribute: (name: string) => string | undefined, id: string, key: Text | null): Origin {
  const replyTo = attribute("replyto");
  if (replyTo !== undefined && !TOPIC_NAME.test(replyTo)) {
    throw new Malformed(`The attribute replyto is no topic's name: ${JSON.stringify(replyTo)}`);
  }
  const correlationId = attribute("correlationid");
  const traceparent = attribute("traceparent");
  const actual = attribute("actual");
  return {
    id,
    key,
    ...(replyTo !== undefined && { replyTo }),
    ...(correlationId !== undefined && { correlationId }),
    ...(traceparent !== undefined && { traceparent }),
    ...(actual !== undefined && { actual }),
  };
}

function expectValue(name: string, value: string | undefined, expected: string): void {
  if (value !== expected) {
    throw new Malformed(`The attribute ${name} is ${JSON.stringify(value ?? null)}: expected "${expected}"`);
  }
}

function expiry(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const time = Date.parse(value);
  if (Number.isNaN(time)) {
    throw new Malformed(`The attribute expirytime is "${value}": expected a time, RFC 3339`);
  }
  return time;
}

/** In binary mode attributes are headers with the prefix `ce_`; the tracing extension's goes without. */
function text(headers: MessageHeaders, name: string): string | undefined {
  const value = headers[`ce_${name}`] ?? (name === "traceparent" ? headers[name] : undefined);
  return typeof value === "string" ? value : undefined;
}

function modelName(message: Message): string | null {
  return text(message.headers, "model") ?? modelOfTopic(message.topic);
}

/** Even a malformed request may say who waits for an answer. */
function readableOrigin(message: Message, fallback: Origin): Origin {
  const attribute = (name: string) => text(message.headers, name);
  const id = attribute("id") ?? "";
  if (id.length < 1 || id.length > MAX_ID_LENGTH) return fallback;
  try {
    return origin(attribute, id, message.key);
  } catch {
    return { ...fallback, id };
  }
}
