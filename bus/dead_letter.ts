/**
 * The record of a dead letter, on the topic `imagebus.dead-letters`: key, value and headers of the request that failed, as
 * they were, and beside them
 *
 * | header | |
 * |---|---|
 * | `imagebus_id` | the id of the failed result |
 * | `imagebus_reason_code`, `imagebus_reason` | why; at most 2,000 characters |
 * | `imagebus_attempts` | how often it was tried by then, 1 or more |
 * | `imagebus_topic`, `imagebus_partition`, `imagebus_offset`, `imagebus_timestamp` | where it was, and since when |
 * | `imagebus_failed_at` | when it failed, ISO 8601 |
 *
 * What came too late (`expired`) is no dead letter: nothing is wrong with it.
 *
 * Where the bus does not take a record of that size, key, value and headers are left out, and `imagebus_omitted` says how many
 * bytes the value had: the request itself is where it was, for as long as its topic keeps it. Such a dead letter can't be
 * replayed.
 *
 * A dead letter is replayed by sending key, value and headers to the topic they came from, without the headers above, and
 * with two more:
 *
 * | header | |
 * |---|---|
 * | `ce_attempts` | how often it was tried, this time included; a request without it is tried for the first time |
 * | `imagebus_id` | the id; it counts where the request says none of its own, so that its result keeps it |
 *
 * Nothing is removed by that: a dead letter stays until the bus removes it by age. When the replayed request fails again, it
 * is one more record with the same id and more attempts.
 *
 * @module
 */
import { decodeRequest } from "./envelope.ts";
import { BusError } from "./transport/errors.ts";
import type { Failed } from "./result.ts";
import { isLegacyTopic } from "./legacy_format.ts";
import { modelOfTopic } from "./topics.ts";
import type { Message, MessageHeaders, OutgoingMessage, Text } from "./transport/transport.ts";

/** Default of {@linkcode ReplayOptions.maxAttempts}. */
export const DEFAULT_MAX_ATTEMPTS = 5;

const MAX_REASON_LENGTH = 2_000;

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
]);

/** What is known of a dead letter, without its bytes. */
export interface DeadLetterInfo {
  /** The id of the failed result. */
  readonly id: string;
  /** The model that was asked; `null` when the request did not say. */
  readonly model: string | null;
  /** Why it failed; docs/failures.md lists the codes. */
  readonly error: Failed["error"];
  /** When it failed: ISO 8601, UTC. */
  readonly failedAt: string;
  /** How often it was tried: 1 or more. */
  readonly attempts: number;
  /** The size of the value it was sent with, in bytes. */
  readonly bytes: number;
  /** Whether key, value and headers are missing, because they were too large for the bus. */
  readonly omitted: boolean;
  /** Not to be classified any more after this, in milliseconds since 1970-01-01 UTC. */
  readonly expiresAt?: number;
  /** Where the request that failed was stored. */
  readonly topic: string;
  /** Its partition. */
  readonly partition: number;
  /** Its offset. */
  readonly offset: number;
  /** When it was stored, in milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
}

/** A request that failed, as it was sent, and why. */
export interface DeadLetter extends DeadLetterInfo {
  /** The key it was sent with. */
  readonly key: Text | null;
  /** The headers it was sent with. */
  readonly headers: MessageHeaders;
  /** The value it was sent with: the encoded image, or what was in its place. */
  readonly value: Uint8Array;
  /** The image inside, where the request can be read: the value itself, except for requests that encode it. */
  readonly image: Uint8Array | null;
}

/** How to replay a dead letter. */
export interface ReplayOptions {
  /** What was tried so often is not tried again (1 to 1,000,000). @default {5} */
  readonly maxAttempts?: number;
  /** Ends the attempt: rejects with the signal's reason. The request may have been stored all the same. */
  readonly signal?: AbortSignal;
}

/**
 * Writes a dead letter as a message.
 *
 * @param message The record of the request that failed.
 * @param result What became of it.
 */
export function encodeDeadLetter(message: Message, result: Failed): OutgoingMessage {
  const headers = { ...message.headers, ...addedHeaders(message, result) };
  return { key: message.key, value: message.value, headers };
}

/**
 * Writes a dead letter without key, value and headers, where the bus does not take it whole.
 *
 * @param message The record of the request that failed.
 * @param result What became of it.
 */
export function encodeOmitted(message: Message, result: Failed): OutgoingMessage {
  const headers = { ...addedHeaders(message, result), imagebus_omitted: String(message.value.length) };
  return { key: result.id, value: new Uint8Array(), headers };
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
 * Reads a dead letter.
 *
 * @param message A record of the topic `imagebus.dead-letters`.
 * @returns The dead letter, or `null` for a record that is none, as when it names a topic that holds no requests.
 */
export function decodeDeadLetter(message: Message): DeadLetter | null {
  const said = (name: string) => text(message.headers, `imagebus_${name}`);
  const [id, topic, failedAt] = [said("id"), said("topic"), said("failed_at")];
  if (!id || !topic || !holdsRequests(topic) || Number.isNaN(Date.parse(failedAt ?? ""))) return null;
  const origin = {
    topic,
    partition: number(said("partition")),
    offset: number(said("offset")),
    timestamp: number(said("timestamp")),
  };
  const headers = Object.fromEntries(Object.entries(message.headers).filter(([name]) => !ADDED.has(name)));
  const { key, value } = message;
  return {
    id,
    ...requestOf({ ...origin, key, value, headers }),
    error: { code: said("reason_code") ?? "", message: said("reason") ?? "" },
    failedAt: new Date(failedAt!).toISOString(),
    attempts: Math.max(attemptsOf(headers), number(said("attempts"))),
    bytes: said("omitted") === undefined ? value.length : number(said("omitted")),
    omitted: said("omitted") !== undefined,
    ...origin,
    key,
    headers,
    value,
  };
}

/**
 * Why a dead letter is not replayed.
 *
 * @param letter Which one.
 * @param maxAttempts What was tried so often is not tried again.
 * @returns For people; `null` when nothing is in the way.
 */
export function refusalOf(letter: DeadLetterInfo, maxAttempts: number): string | null {
  const { attempts, expiresAt, omitted, topic, partition, offset } = letter;
  if (omitted) {
    return `it was too large to be kept: it is in ${topic}, partition ${partition}, offset ${offset}, if anywhere`;
  }
  if (attempts >= maxAttempts) {
    return `it was tried ${times(attempts)}, and --max-attempts (maxAttempts) is ${maxAttempts}`;
  }
  if (expiresAt === undefined || expiresAt >= Date.now()) return null;
  return `it was to be classified by ${new Date(expiresAt).toISOString()}`;
}

/**
 * The request of a dead letter, as it is sent again.
 *
 * @param letter Which one.
 */
export function encodeReplay({ id, attempts, key, value, headers }: DeadLetter): OutgoingMessage {
  return { key, value, headers: { ...headers, ce_attempts: String(attempts + 1), imagebus_id: id } };
}

/**
 * Checks the limit on attempts.
 *
 * @throws {BusError} `invalid`.
 */
export function checkMaxAttempts(maxAttempts = DEFAULT_MAX_ATTEMPTS): number {
  if (Number.isInteger(maxAttempts) && maxAttempts >= 1 && maxAttempts <= 1_000_000) return maxAttempts;
  throw new BusError("invalid", `maxAttempts is ${maxAttempts}: expected a whole number from 1 to 1000000`);
}

/** Whatever a record claims: nothing is ever sent to a topic that is not for requests. */
function holdsRequests(topic: string): boolean {
  return modelOfTopic(topic) !== null || isLegacyTopic(topic);
}

function requestOf(message: Message): Pick<DeadLetter, "model" | "image" | "expiresAt"> {
  const decoded = decodeRequest(message);
  if (!decoded.ok) return { model: decoded.model, image: null };
  const { model, image, expiresAt } = decoded.request;
  return { model, image, ...(expiresAt !== undefined && { expiresAt }) };
}

function attemptsOf(headers: MessageHeaders): number {
  return Math.max(1, number(text(headers, "ce_attempts")));
}

function text(headers: MessageHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

function number(digits: string | undefined): number {
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : 0;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
