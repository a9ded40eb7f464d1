/**
 * The wire format: CloudEvents 1.0 in Kafka's binary content mode, so that any CloudEvents producer can be a
 * client.
 *
 * The value of a request is the encoded image, nothing else. Its headers:
 *
 * | header | |
 * |---|---|
 * | `ce_specversion` | `1.0` |
 * | `ce_id` | 1 to 256 characters, unique; also the id of the result |
 * | `ce_source` | the sender, a URI reference |
 * | `ce_type` | `imagebus.classify` |
 * | `ce_time` | optional, RFC 3339 |
 * | `content-type` | optional; the format is detected from the bytes |
 * | `ce_model` | optional: without it the topic determines the model |
 * | `ce_modelversion` | optional: the version of the model that is to classify it |
 * | `ce_replyto` | optional: a further topic for the result, besides `imagebus.results` |
 * | `ce_correlationid`, `traceparent` | optional, copied to the result |
 * | `ce_expirytime` | optional, RFC 3339: not classified after that |
 * | `ce_actual` | optional: the true label, copied to the result |
 * | `ce_filename` | optional: the name of the image's file, copied to the result |
 * | `ce_attempts` | number of attempts, including this one: set when a dead letter is replayed |
 * | `imagebus_id` | the id of a replayed record that has none (`dead_letter.ts`) |
 *
 * Structured mode (`content-type: application/cloudevents+json`, the image in `data_base64`) is accepted too
 * (`cloud_event.ts`), and so are records without an envelope (`bare_record.ts`) and those of legacy producers
 * (`legacy_format.ts`).
 *
 * A result has type `imagebus.classified` or `imagebus.failed`, the id of its request, and a
 * {@linkcode Result} as JSON. An image that shows none of the model's classes is classified, with `"unknown": true`.
 *
 * Specifications: CloudEvents 1.0.2, its Kafka protocol binding 1.0.2 and JSON format 1.0.2; extensions
 * `expirytime`, `correlationid` and distributed tracing.
 *
 * @module
 */
import { defined } from "../lib/defined.ts";
import { isoNow } from "../lib/iso_time.ts";
import { readBareValue } from "./bare_record.ts";
import { binaryEvent, type CloudEvent, isStructured, Malformed, structuredEvent } from "./cloud_event.ts";
import type { Result } from "./result.ts";
import { decodeLegacyRecord, isLegacyTopic } from "./legacy_format.ts";
import { isReplyTopic, modelOfTopic, REPLY_TOPIC } from "./topics.ts";
import { headerText } from "./transport/text.ts";
import type { Message, MessageHeaders, OutgoingMessage, Text } from "./transport/transport.ts";

/** `ce_type` of an image to be classified. */
export const CLASSIFY = "imagebus.classify";

const CLASSIFIED = "imagebus.classified";
const FAILED = "imagebus.failed";

/** The longest id, in UTF-16 code units. */
export const MAX_ID_LENGTH = 256;

/** What a result takes over from its request, whether or not the request can be read. */
export interface Origin {
  /**
   * Unique; from the sender. If the record has none it is built from topic, partition, offset and time, and
   * kept when the record is replayed.
   */
  readonly id: string;
  /** Requests with equal keys keep their order, and so do their results. */
  readonly key: Text | null;
  /** A further topic for the result. */
  readonly replyTo?: string;
  /** Copied to the result. */
  readonly correlationId?: string;
  /** W3C trace context, copied to the result. */
  readonly traceparent?: string;
  /** The true label, if the sender knows it. */
  readonly actual?: string;
  /** The name of the image's file, if the sender provided it. */
  readonly fileName?: string;
}

/** An image to be classified. */
export interface Request extends Origin {
  /** The model that is to classify it. */
  readonly model: string;
  /** The only version of it that may classify it. */
  readonly modelVersion?: string;
  /** The encoded image; can be a view. */
  readonly image: Uint8Array;
  /** Not classified after this, in milliseconds since 1970-01-01 UTC. */
  readonly expiresAt?: number;
}

/** A decoded record: a request, or why it is none. */
export type Decoded =
  | { readonly ok: true; readonly request: Request }
  | { readonly ok: false; readonly origin: Origin; readonly model: string | null; readonly reason: string };

/**
 * Encodes a request.
 *
 * @param request The request.
 * @param contentType The media type of the image.
 * @returns The message; its value is the image itself, not a copy.
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
      ...defined({ ce_modelversion: request.modelVersion }),
      ...copied(request),
      ...(request.replyTo !== undefined && { ce_replyto: request.replyTo }),
      ...(request.expiresAt !== undefined && { ce_expirytime: new Date(request.expiresAt).toISOString() }),
    },
  };
}

/**
 * Decodes a request. Never throws: a malformed record is data too.
 *
 * @param message A record of a request topic, or of a legacy topic.
 * @returns The request, or what is wrong with it and where to report that.
 */
export function decodeRequest(message: Message): Decoded {
  if (message.undecodable !== undefined) {
    const [origin, model] = [fallbackOf(message), modelOfTopic(message.topic)];
    return { ok: false, origin, model, reason: message.undecodable };
  }
  let event = binaryEvent(message);
  try {
    if (isLegacyTopic(message.topic) && !hasEnvelope(message)) {
      return { ok: true, request: readLegacy(message) };
    }
    if (isStructured(message.headers)) event = structuredEvent(message.value);
    else if (!hasEnvelope(message)) {
      const bare = readBareValue(message.value);
      if ("image" in bare) {
        return { ok: true, request: { ...fallbackOf(message), model: modelOf(message), image: bare.image } };
      }
      event = bare.event;
    }
    return { ok: true, request: toRequest(message, event) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const model = event.attribute("model")?.toWellFormed() ?? modelOfTopic(message.topic);
    return { ok: false, origin: readableOrigin(event, message), model, reason: error.message };
  }
}

const encoder = new TextEncoder();

/**
 * Encodes a result.
 *
 * @param result The result.
 * @param origin From its request.
 */
export function encodeResult(result: Result, origin: Origin): OutgoingMessage {
  const type = result.status === "classified" ? CLASSIFIED : FAILED;
  return {
    // A compacted topic accepts no message without a key.
    key: origin.key ?? result.id,
    value: encoder.encode(JSON.stringify(result)),
    headers: {
      ...attributes(type, result.id, "imagebus/worker"),
      "content-type": "application/json",
      ...copied(origin),
    },
  };
}

/**
 * Decodes a result.
 *
 * @param message A record of the results topic.
 * @returns `null` if it is not a result.
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

/**
 * Whether a text can be the id of a request: 1 to {@linkcode MAX_ID_LENGTH} characters, without lone surrogates, which
 * would arrive as other characters.
 *
 * @param id Any text.
 */
export function isId(id: string): boolean {
  return id.length >= 1 && id.length <= MAX_ID_LENGTH && id.isWellFormed();
}

function attributes(type: string, id: string, source: string): MessageHeaders {
  return {
    ce_specversion: "1.0",
    ce_id: id,
    ce_source: source,
    ce_type: type,
    ce_time: isoNow(),
  };
}

function copied({ correlationId, traceparent, actual, fileName }: Origin): MessageHeaders {
  return defined({
    ce_correlationid: correlationId,
    traceparent,
    ce_actual: actual,
    ce_filename: fileName,
  });
}

/** Of a record without an envelope, or with a malformed one. */
function fallbackOf(message: Message): Origin {
  const traceparent = traceOf(message);
  return { id: replayedId(message) ?? positionId(message), key: message.key, ...defined({ traceparent }) };
}

/** The id that a record without one got when it first failed. */
function replayedId({ headers }: Message): string | null {
  const id = headerText(headers, "imagebus_id");
  return id !== undefined && isId(id) ? id : null;
}

/** For a record without an id: the same at each delivery, but different after the topic was recreated. */
function positionId(message: Message): string {
  return `${message.topic}-${message.partition}-${message.offset}-${message.timestamp}`;
}

/** A replay adds an attribute to records without an envelope, too. */
function hasEnvelope({ headers }: Message): boolean {
  return "ce_specversion" in headers ||
    Object.keys(headers).some((name) => name.startsWith("ce_") && name !== "ce_attempts") ||
    isStructured(headers);
}

function readLegacy(message: Message): Request {
  const record = decodeLegacyRecord(message);
  if (typeof record === "string") throw new Malformed(record);
  return { ...fallbackOf(message), ...record };
}

function toRequest(message: Message, event: CloudEvent): Request {
  expectValue("specversion", event.attribute("specversion"), "1.0");
  expectValue("type", event.attribute("type"), CLASSIFY);
  if (event.attribute("source") === undefined) {
    throw new Malformed("The attribute source is missing: expected the sender, a URI reference");
  }
  const id = textOf(event, "id") ?? "";
  if (!isId(id)) {
    throw new Malformed(`The attribute id has ${id.length} characters: expected 1 to ${MAX_ID_LENGTH}`);
  }
  const model = textOf(event, "model") ?? modelOf(message);
  const expiresAt = expiry(event.attribute("expirytime"));
  const modelVersion = textOf(event, "modelversion");
  return {
    id,
    key: message.key,
    model,
    image: event.data(),
    ...defined({ modelVersion, expiresAt, ...copiedFrom(event, message) }),
  };
}

/** Instrumented clients of Kafka add the header to every record, whatever its form. */
function traceOf({ headers }: Message): string | undefined {
  return headerText(headers, "traceparent") || undefined;
}

function modelOf({ topic }: Message): string {
  const model = modelOfTopic(topic);
  if (model !== null) return model;
  throw new Malformed(`The attribute model is missing, and ${topic} is not the topic of a model`);
}

/** What a result takes over from the event, besides its id and key. */
function copiedFrom(event: CloudEvent, message: Message) {
  const replyTo = textOf(event, "replyto");
  if (replyTo !== undefined && !isReplyTopic(replyTo)) {
    throw new Malformed(`The attribute replyto is ${JSON.stringify(replyTo)}: expected ${REPLY_TOPIC}`);
  }
  return {
    replyTo,
    correlationId: textOf(event, "correlationid"),
    traceparent: textOf(event, "traceparent") ?? traceOf(message),
    actual: textOf(event, "actual"),
    fileName: textOf(event, "filename"),
  };
}

/** JSON can escape a lone surrogate, which no header and no row can hold. */
function textOf({ attribute }: CloudEvent, name: string): string | undefined {
  const value = attribute(name);
  if (value === undefined || value.isWellFormed()) return value;
  throw new Malformed(
    `The attribute ${name} is ${JSON.stringify(value)}: expected a text without lone surrogates`,
  );
}

function expectValue(name: string, value: string | undefined, expected: string): void {
  if (value !== expected) {
    throw new Malformed(`The attribute ${name} is ${JSON.stringify(value ?? null)}: expected "${expected}"`);
  }
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,20})?([Zz]|[+-]\d\d:\d\d)$/;

function expiry(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const time = RFC_3339.test(value) ? Date.parse(value.toUpperCase().replace(" ", "T")) : NaN;
  if (Number.isNaN(time)) {
    const shown = JSON.stringify(value);
    throw new Malformed(`The attribute expirytime is ${shown}: expected a time such as 2026-01-31T12:00:00Z`);
  }
  return time;
}

/** Even a malformed request may contain the id and the topic that its sender waits for. */
function readableOrigin(event: CloudEvent, message: Message): Origin {
  const fallback = fallbackOf(message);
  const id = event.attribute("id") ?? "";
  if (!isId(id)) return fallback;
  try {
    return { id, key: message.key, ...defined(copiedFrom(event, message)) };
  } catch {
    return { ...fallback, id };
  }
}
