/**
 * The format of a dead letter, on the topic `imagebus.dead-letters`: key, value and headers of the request
 * that failed are unchanged, and these headers are added:
 *
 * | header | |
 * |---|---|
 * | `imagebus_id` | the id of the failed result |
 * | `imagebus_reason_code`, `imagebus_reason` | why it failed; at most 2,000 characters |
 * | `imagebus_attempts` | number of attempts so far, 1 or more |
 * | `imagebus_topic`, `imagebus_partition`, `imagebus_offset`, `imagebus_timestamp` | where and when the request was stored |
 * | `imagebus_failed_at` | when it failed, ISO 8601 |
 * | `imagebus_key` | `none`: the request had no key, and its place is taken by the id |
 *
 * A request that expired (`expired`) does not become a dead letter: nothing is wrong with it.
 *
 * If the bus rejects the record as too large, key, value and headers are left out, and `imagebus_omitted`
 * holds the size of the value in bytes. The request itself remains where it was for as long as its topic
 * keeps it. Such a dead letter cannot be replayed.
 *
 * To replay a dead letter is to send its key, value and headers to their topic, without the headers above,
 * and with two more:
 *
 * | header | |
 * |---|---|
 * | `ce_attempts` | number of attempts, including this one; a request without it is at its first |
 * | `imagebus_id` | the id, for requests that have none of their own, so that the result keeps it |
 *
 * Replaying removes nothing: a dead letter stays until it is purged, or the bus removes it by age. If the replayed
 * request fails again, it becomes a second record with the same id and more attempts.
 *
 * To acknowledge a dead letter is to send a record without a value to the topic `imagebus.dead-letters.acknowledged`, with
 * its `imagebus_id` as the key and as a header, with its `imagebus_attempts` and `imagebus_failed_at`, and with
 * `imagebus_acknowledged_at`. It counts for this failure and earlier ones, not for a later one of the same id.
 *
 * @module
 */
import { defined } from "../lib/defined.ts";
import { decodeRequest } from "./envelope.ts";
import { entriesOf, fromEntries, headerText } from "./transport/text.ts";
import type { Failed } from "./result.ts";
import { isLegacyTopic } from "./legacy_format.ts";
import { modelOfTopic } from "./topics.ts";
import type { HeaderList, Message, MessageHeaders, OutgoingMessage, Text } from "./transport/transport.ts";
import { checkInteger } from "./transport/validate.ts";

/** Default of {@linkcode ReplayOptions.maxAttempts}. */
export const DEFAULT_MAX_ATTEMPTS = 5;

const MAX_REASON_LENGTH = 2_000;
const NO_KEY = "none";

const ADDED: ReadonlySet<string> = new Set([
  "imagebus_id",
  "imagebus_reason_code",
  "imagebus_reason",
  "imagebus_attempts",
  "imagebus_topic",
  "imagebus_partition",
  "imagebus_offset",
  "imagebus_timestamp",
  "imagebus_failed_at",
  "imagebus_omitted",
  "imagebus_key",
]);

type Headers = Pick<Message, "headers" | "headerList">;

/** A dead letter without its bytes. */
export interface DeadLetterInfo {
  /** The id of the failed result. */
  readonly id: string;
  /** The model that was to classify it; `null` if that is not known. */
  readonly model: string | null;
  /** Why it failed; docs/failures.md lists the codes. */
  readonly error: Failed["error"];
  /** When it failed: ISO 8601, UTC. */
  readonly failedAt: string;
  /** Number of attempts: 1 or more. */
  readonly attempts: number;
  /** When this failure was acknowledged, ISO 8601, UTC; missing if it was not. */
  readonly acknowledgedAt?: string;
  /** Size of the original value, in bytes. */
  readonly bytes: number;
  /** Whether key, value and headers are missing because the bus rejected them as too large. */
  readonly omitted: boolean;
  /** Not classified after this, in milliseconds since 1970-01-01 UTC. */
  readonly expiresAt?: number;
  /** The topic of the request. */
  readonly topic: string;
  /** Its partition. */
  readonly partition: number;
  /** Its offset. */
  readonly offset: number;
  /** When it was stored, in milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
}

/** A request that failed, as it was sent, with the reason. */
export interface DeadLetter extends DeadLetterInfo {
  /** The key it was sent with. */
  readonly key: Text | null;
  /** The headers it was sent with. */
  readonly headers: MessageHeaders;
  /** All of them, if names are repeated or values are null. */
  readonly headerList?: HeaderList;
  /** The value it was sent with: usually the encoded image. */
  readonly value: Uint8Array;
  /**
   * The image in the value (structured and legacy requests encode it); `null` if the request is malformed.
   */
  readonly image: Uint8Array | null;
}

/** How to replay a dead letter. */
export interface ReplayOptions {
  /** Refuses dead letters with this many attempts or more (1 to 1,000,000). @default {5} */
  readonly maxAttempts?: number;
  /** Ends the attempt: rejects with the signal's reason. The request may have been stored all the same. */
  readonly signal?: AbortSignal;
}

/**
 * Encodes a dead letter.
 *
 * @param message The request that failed.
 * @param result Its result.
 */
export function encodeDeadLetter(message: Message, result: Failed): OutgoingMessage {
  const added = { ...addedHeaders(message, result), ...message.key === null && { imagebus_key: NO_KEY } };
  return { key: message.key ?? result.id, value: message.value, ...withHeaders(message, added) };
}

/**
 * Encodes a dead letter without key, value and headers, for when the bus rejects it as too large.
 *
 * @param message The request that failed.
 * @param result Its result.
 */
export function encodeOmitted(message: Message, result: Failed): OutgoingMessage {
  const headers = { ...addedHeaders(message, result), imagebus_omitted: String(message.value.length) };
  return { key: result.id, value: new Uint8Array(), headers };
}

/** Headers with others, which take the places of those with the same names. */
function withHeaders({ headers, headerList }: Headers, added: MessageHeaders): Headers {
  return {
    headers: { ...headers, ...added },
    ...headerList && {
      headerList: [
        ...headerList.filter(([name]) => !Object.hasOwn(added, name)),
        ...Object.entries(added),
      ],
    },
  };
}

function addedHeaders(message: Message, { id, error, at }: Failed): MessageHeaders {
  return {
    imagebus_id: id,
    imagebus_reason_code: error.code,
    imagebus_reason: error.message.slice(0, MAX_REASON_LENGTH),
    imagebus_attempts: String(attemptsOf(message.headers)),
    imagebus_topic: message.topic,
    imagebus_partition: String(message.partition),
    imagebus_offset: String(message.offset),
    imagebus_timestamp: String(message.timestamp),
    imagebus_failed_at: at,
  };
}

/**
 * Decodes a dead letter.
 *
 * @param message A record of the topic `imagebus.dead-letters`.
 * @returns `null` if it is not a dead letter, also if its topic is not one for requests.
 */
export function decodeDeadLetter(message: Message): DeadLetter | null {
  const header = (name: string) => headerText(message.headers, `imagebus_${name}`);
  const [id, topic, failedAt] = [header("id"), header("topic"), header("failed_at")];
  if (!id || !topic || !holdsRequests(topic) || Number.isNaN(Date.parse(failedAt ?? ""))) return null;
  const origin = {
    topic,
    partition: number(header("partition")),
    offset: number(header("offset")),
    timestamp: number(header("timestamp")),
  };
  const all = fromEntries(entriesOf(message).filter(([name]) => !ADDED.has(name)));
  const { headers } = all;
  const key = header("key") === NO_KEY ? null : message.key;
  const { value } = message;
  return {
    id,
    ...requestOf({ ...origin, key, value, headers }),
    error: { code: header("reason_code") ?? "", message: header("reason") ?? "" },
    failedAt: new Date(failedAt!).toISOString(),
    attempts: Math.max(attemptsOf(headers), number(header("attempts"))),
    bytes: header("omitted") === undefined ? value.length : number(header("omitted")),
    omitted: header("omitted") !== undefined,
    ...origin,
    key,
    ...all,
    value,
  };
}

/**
 * Why a dead letter is not replayed.
 *
 * @param letter Which one.
 * @param maxAttempts As {@linkcode ReplayOptions.maxAttempts}.
 * @returns The end of a sentence about the letter; `null` if it can be replayed.
 */
export function refusalOf(letter: DeadLetterInfo, maxAttempts: number): string | null {
  const { attempts, error, expiresAt, omitted, topic, partition, offset } = letter;
  if (omitted) {
    return `it was too large to be kept; look for it in ${topic}, partition ${partition}, offset ${offset}`;
  }
  if (error.code === "undecodable") return "its bytes are not a request, but a part of Kafka's log";
  if (attempts >= maxAttempts) {
    return `it was tried ${times(attempts)}, and --max-attempts (maxAttempts) is ${maxAttempts}`;
  }
  if (expiresAt === undefined || expiresAt >= Date.now()) return null;
  return `it expired at ${new Date(expiresAt).toISOString()}`;
}

/**
 * Encodes the request of a dead letter for a replay.
 *
 * @param letter Which one.
 */
export function encodeReplay(letter: DeadLetter): OutgoingMessage {
  const { id, attempts, key, value } = letter;
  return { key, value, ...withHeaders(letter, { ce_attempts: String(attempts + 1), imagebus_id: id }) };
}

/**
 * Encodes that a dead letter was acknowledged.
 *
 * @param letter Which one.
 */
export function encodeAcknowledgement({ id, attempts, failedAt }: DeadLetterInfo): OutgoingMessage {
  return {
    key: id,
    value: new Uint8Array(),
    headers: {
      imagebus_id: id,
      imagebus_attempts: String(attempts),
      imagebus_failed_at: failedAt,
      imagebus_acknowledged_at: new Date().toISOString(),
    },
  };
}

/** Up to which failure of an id dead letters were acknowledged. */
export interface Acknowledgement extends Pick<DeadLetterInfo, "id" | "attempts" | "failedAt"> {
  /** ISO 8601, UTC. */
  readonly acknowledgedAt: string;
}

/**
 * Decodes {@linkcode encodeAcknowledgement}.
 *
 * @returns `null` if it is something else.
 */
export function decodeAcknowledgement({ headers }: Message): Acknowledgement | null {
  const header = (name: string) => headerText(headers, `imagebus_${name}`);
  const [id, failedAt, acknowledgedAt] = [header("id"), header("failed_at"), header("acknowledged_at")];
  if (!id || [failedAt, acknowledgedAt].some((time) => Number.isNaN(Date.parse(time ?? "")))) return null;
  return { id, attempts: number(header("attempts")), failedAt: failedAt!, acknowledgedAt: acknowledgedAt! };
}

/**
 * Checks the limit on attempts.
 *
 * @throws {BusError} `invalid`.
 */
export function checkMaxAttempts(maxAttempts = DEFAULT_MAX_ATTEMPTS): number {
  return checkInteger("maxAttempts", maxAttempts, 1, 1_000_000);
}

/** Whatever topic a record contains, a replay never sends to one that is not for requests. */
function holdsRequests(topic: string): boolean {
  return modelOfTopic(topic) !== null || isLegacyTopic(topic);
}

function requestOf(message: Message): Pick<DeadLetter, "model" | "image" | "expiresAt"> {
  const decoded = decodeRequest(message);
  if (!decoded.ok) return { model: decoded.model, image: null };
  const { model, image, expiresAt } = decoded.request;
  return { model, image, ...defined({ expiresAt }) };
}

function attemptsOf(headers: MessageHeaders): number {
  return Math.max(1, number(headerText(headers, "ce_attempts")));
}

function number(digits: string | undefined): number {
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : 0;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
