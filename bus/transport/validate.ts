/**
 * Checks of what callers pass to a transport: the same for all transports.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { showValue } from "../../lib/show_value.ts";
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
 * @param value Its value.
 * @param min Smallest valid value.
 * @param max Largest valid value.
 * @returns The value.
 * @throws {BusError} `invalid` when it is not a whole number in this range.
 */
export function checkInteger(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new BusError("invalid", `${name} is ${value}: expected a whole number from ${min} to ${max}`);
}

/**
 * Checks a text among the options.
 *
 * @param name The option, for the message.
 * @param value Its value.
 * @throws {BusError} `invalid` unless it is a string that UTF-8 can encode.
 */
export function checkText(name: string, value: unknown): void {
  if (typeof value === "string" && value.isWellFormed()) return;
  const expected = typeof value === "string" ? "a text without lone surrogates" : "a text";
  throw new BusError("invalid", `${name} is ${showValue(value)}: expected ${expected}`);
}

/**
 * Checks a time among the options.
 *
 * @param name The option, for the message.
 * @param value Its value; `undefined` counts as not given.
 * @throws {BusError} `invalid` unless it is a valid `Date`.
 */
export function checkTime(name: string, value: unknown): void {
  if (value === undefined || (value instanceof Date && !Number.isNaN(value.getTime()))) return;
  throw new BusError("invalid", `${name} is ${showValue(value)}: expected a valid Date`);
}

/**
 * Checks offsets by partition.
 *
 * @throws {BusError} `invalid`.
 */
export function checkPositions(positions: ReadonlyMap<number, number>): void {
  for (const [partition, offset] of positions) {
    checkInteger("the partition", partition, 0, 2 ** 31 - 1);
    checkInteger(`the offset of partition ${partition}`, offset, 0, Number.MAX_SAFE_INTEGER);
  }
}

/**
 * Whether a text is a valid topic name: 1 to 249 of the characters A-Z a-z 0-9 . _ -, but neither `.` nor
 * `..`, as in Kafka.
 *
 * @param name Any text.
 */
export function isTopicName(name: string): boolean {
  return TOPIC.test(name) && name !== "." && name !== "..";
}

/**
 * Checks the name of a topic.
 *
 * @throws {BusError} `invalid` unless {@linkcode isTopicName} holds.
 */
export function checkTopic(topic: string): void {
  if (isTopicName(topic)) return;
  const expected = "1 to 249 of the characters A-Z a-z 0-9 . _ -";
  throw new BusError("invalid", `Invalid topic name ${JSON.stringify(topic)}: expected ${expected}`);
}

/**
 * Checks the topics to subscribe to.
 *
 * @returns The names without duplicates.
 * @throws {BusError} `invalid` for no topic, or an invalid name.
 */
export function checkTopics(topics: readonly string[]): string[] {
  if (topics.length === 0) throw new BusError("invalid", "Cannot subscribe: no topic is given");
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
 * Checks that a method to commit belongs to the delivery of its subscription.
 *
 * @param delivery Of the subscription.
 * @param needed By the method.
 * @throws {BusError} `invalid` if they differ.
 */
export function expectDelivery(delivery: Delivery, needed: Delivery): void {
  if (delivery === needed) return;
  const [called, right] = needed === "at-least-once" ? ["commit", "commitWith"] : ["commitWith", "commit"];
  throw new BusError("invalid", `Cannot call ${called}: the delivery is ${delivery}; call ${right}`);
}

/**
 * Replaces each message that exceeds the limits of this side by its fallback.
 *
 * @param messages Passed to `commitWith`.
 * @param maxMessageBytes Largest value, in bytes.
 * @throws {BusError} As {@linkcode checkMessages}; `invalid` for a topic name.
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
    `from is ${showValue(from)}: expected "start", "end", or a time and no group`,
  );
}

/**
 * Checks messages before any of them is sent.
 *
 * @param messages Passed to `send`.
 * @param maxMessageBytes Largest value, in bytes.
 * @throws {BusError} `invalid` if a value is not bytes; `too_large` if a value, or key and headers, exceed
 * the limit.
 */
export function checkMessages(messages: readonly OutgoingMessage[], maxMessageBytes: number): void {
  for (const message of messages) {
    checkValue(message.value, maxMessageBytes);
    if (metadataBytes(message, utf8AtMost) <= MAX_METADATA_BYTES) continue;
    const size = metadataBytes(message, Buffer.byteLength);
    if (size <= MAX_METADATA_BYTES) continue;
    throw new BusError(
      "too_large",
      `Cannot send the message: key and headers have ${size} bytes; the limit is ${MAX_METADATA_BYTES}`,
    );
  }
}

function checkValue(value: Uint8Array, maxMessageBytes: number): void {
  if (!(value instanceof Uint8Array)) {
    throw new BusError(
      "invalid",
      `Cannot send the message: its value is a ${typeof value}; expected a Uint8Array`,
    );
  }
  if (value.length <= maxMessageBytes) return;
  throw new BusError(
    "too_large",
    `Cannot send the message: it has ${value.length} bytes; the limit maxMessageBytes is ${maxMessageBytes}`,
  );
}

/** An upper bound that suffices for nearly every message, and is much faster than counting. */
function utf8AtMost(text: string): number {
  return text.length * 3;
}

function metadataBytes(message: OutgoingMessage, measure: (text: string) => number): number {
  const { key, headers = {}, headerList } = message;
  let size = key == null ? 0 : textBytes(key, measure);
  if (headerList === undefined) {
    for (const name in headers) size += measure(name) + textBytes(headers[name]!, measure);
  } else {
    for (const [name, value] of headerList) size += measure(name) + textBytes(value ?? "", measure);
  }
  return size;
}

function textBytes(text: Text, measure: (text: string) => number): number {
  if (typeof text === "string") return measure(text);
  if (text instanceof Uint8Array) return text.length;
  throw new BusError(
    "invalid",
    `Cannot send the message: a key or header is a ${typeof text}; expected a string or a Uint8Array`,
  );
}
