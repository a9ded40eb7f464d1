/**
 * What callers of a transport may pass: checked once here, alike for all transports.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { BusError } from "./errors.ts";
import {
  type CommittedMessage,
  type Delivery,
  MAX_METADATA_BYTES,
  type OutgoingMessage,
  type SubscribeOptions,
  type Text,
} from "./transport.ts";

const TOPIC = /^[A-Za-z0-9._-]{1,249}$/;
const MAX_GROUP_LENGTH = 249;
const MAX_BATCH_MESSAGES = 100_000;

/** Default of {@linkcode SubscribeOptions.maxBatchMessages}. */
export const DEFAULT_BATCH_MESSAGES = 512;

/** {@linkcode SubscribeOptions} with every default filled in; without the signal. */
export interface SubscribeSettings {
  readonly group: string | null;
  readonly from: "start" | "end" | Date;
  readonly until: "end" | null;
  readonly delivery: Delivery;
  readonly maxBatchMessages: number;
}

/**
 * Checks a number among the options.
 *
 * @param name The option, for the message.
 * @param value What was given.
 * @param min The least that is allowed.
 * @param max The most that is allowed.
 * @returns The value.
 * @throws {BusError} `invalid` when it is not a whole number in this range.
 */
export function checkInteger(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new BusError("invalid", `${name} is ${value}: expected a whole number from ${min} to ${max}`);
}

/**
 * Checks the name of a topic.
 *
 * @throws {BusError} `invalid` when it is outside `[A-Za-z0-9._-]{1,249}`, or `.` or `..`, which Kafka refuses.
 */
export function checkTopic(topic: string): void {
  if (TOPIC.test(topic) && topic !== "." && topic !== "..") return;
  throw new BusError(
    "invalid",
    `The topic ${
      JSON.stringify(topic)
    } has no valid name: expected 1 to 249 of the characters A-Z a-z 0-9 . _ -`,
  );
}

/**
 * Checks the topics to subscribe to.
 *
 * @returns The names without repetition.
 * @throws {BusError} `invalid` when there is none, or one has no valid name.
 */
export function checkTopics(topics: readonly string[]): string[] {
  if (topics.length === 0) throw new BusError("invalid", "No topic to subscribe to: expected at least one");
  topics.forEach(checkTopic);
  return [...new Set(topics)];
}

/**
 * Fills in the defaults of a subscription.
 *
 * @throws {BusError} `invalid`.
 */
export function checkSubscribeOptions(options: SubscribeOptions): SubscribeSettings {
  const { group = null, from = "start", until = null, maxBatchMessages = DEFAULT_BATCH_MESSAGES } = options;
  if (group !== null && (group.length === 0 || group.length > MAX_GROUP_LENGTH)) {
    throw new BusError("invalid", `group has ${group.length} characters: expected 1 to ${MAX_GROUP_LENGTH}`);
  }
  checkFrom(from, group);
  if (until !== null && (until !== "end" || group !== null)) {
    throw new BusError("invalid", `until is ${JSON.stringify(until)}: expected "end", and no group`);
  }
  checkInteger("maxBatchMessages", maxBatchMessages, 1, MAX_BATCH_MESSAGES);
  return { group, from, until, delivery: checkDelivery(options), maxBatchMessages };
}

function checkDelivery({ delivery = "at-least-once", group }: SubscribeOptions): Delivery {
  if (delivery === "at-least-once" || delivery === "exactly-once" && group !== undefined) return delivery;
  const expected = '"at-least-once", or "exactly-once" with a group';
  throw new BusError("invalid", `delivery is ${JSON.stringify(delivery)}: expected ${expected}`);
}

/**
 * Checks that a way to commit belongs to the delivery that was asked for.
 *
 * @param delivery What was asked for.
 * @param needed What the way belongs to.
 * @throws {BusError} `invalid` when it is another one.
 */
export function expectDelivery(delivery: Delivery, needed: Delivery): void {
  if (delivery === needed) return;
  const right = needed === "at-least-once" ? "commitWith" : "commit";
  throw new BusError("invalid", `The delivery of this subscription is ${delivery}: expected ${right}`);
}

/**
 * Puts in the place of each message that is too large for this side what is smaller.
 *
 * @param messages What was given to `commitWith`.
 * @param maxMessageBytes The most bytes of a value.
 * @throws {BusError} As {@linkcode checkMessages}; `invalid` for a topic.
 */
export function applyFallbacks(
  messages: readonly CommittedMessage[],
  maxMessageBytes: number,
): CommittedMessage[] {
  return messages.map((one) => {
    checkTopic(one.topic);
    try {
      checkMessages([one.message], maxMessageBytes);
      return one;
    } catch (error) {
      if (!(error instanceof BusError && error.code === "too_large" && one.fallback)) throw error;
      const message = one.fallback();
      checkMessages([message], maxMessageBytes);
      return { topic: one.topic, message };
    }
  });
}

function checkFrom(from: unknown, group: string | null): void {
  if (from === "start" || from === "end") return;
  if (from instanceof Date && !Number.isNaN(from.getTime()) && group === null) return;
  throw new BusError(
    "invalid",
    `from is ${JSON.stringify(from)}: expected "start", "end", or a time and no group`,
  );
}

/**
 * Checks messages before any of them is sent.
 *
 * @param messages What was given to `send`.
 * @param maxMessageBytes The most bytes of a value.
 * @throws {BusError} `invalid` when a value is not bytes; `too_large` when a value, or key and headers, are over the limit.
 */
export function checkMessages(messages: readonly OutgoingMessage[], maxMessageBytes: number): void {
  for (const message of messages) {
    checkValue(message.value, maxMessageBytes);
    if (metadataBytes(message, utf8AtMost) <= MAX_METADATA_BYTES) continue;
    const size = metadataBytes(message, Buffer.byteLength);
    if (size <= MAX_METADATA_BYTES) continue;
    throw new BusError(
      "too_large",
      `Key and headers have ${size} bytes: expected at most ${MAX_METADATA_BYTES}`,
    );
  }
}

function checkValue(value: Uint8Array, maxMessageBytes: number): void {
  if (!(value instanceof Uint8Array)) {
    throw new BusError("invalid", `The value of a message is of type ${typeof value}: expected a Uint8Array`);
  }
  if (value.length <= maxMessageBytes) return;
  throw new BusError(
    "too_large",
    `The message has ${value.length} bytes, and maxMessageBytes is ${maxMessageBytes}: send a smaller one or raise it`,
  );
}

/** Enough for nearly every message, and much quicker than to count. */
function utf8AtMost(text: string): number {
  return text.length * 3;
}

function metadataBytes({ key, headers }: OutgoingMessage, measure: (text: string) => number): number {
  let size = key == null ? 0 : textBytes(key, measure);
  for (const name in headers) size += measure(name) + textBytes(headers[name]!, measure);
  return size;
}

function textBytes(text: Text, measure: (text: string) => number): number {
  if (typeof text === "string") return measure(text);
  if (text instanceof Uint8Array) return text.length;
  throw new BusError(
    "invalid",
    `A key or header is of type ${typeof text}: expected a string or a Uint8Array`,
  );
}
