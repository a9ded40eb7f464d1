/**
 * What requests to store records have in common, inside and outside of transactions.
 *
 * @module
 */
import { BusError } from "../../errors.ts";
import { nameOf } from "../topics.ts";
import type { RecordToSend } from "../wire/record_batch.ts";
import type { Requests } from "../wire/requests.ts";

/** Largest batch by default; brokers accept 1,048,588 bytes if a topic has no limit of its own. */
export const BATCH_BYTES = 1_000_000;
/** Approximate size of the largest request; brokers read up to 104,857,600 bytes. */
export const REQUEST_BYTES = 16 * 2 ** 20;
/** How long a broker may wait for its replicas. */
export const ACK_TIMEOUT_MS = 20_000;

/** The error codes of a response, by partition. */
export function errorCodes({ topics }: Requests["Produce"][1]): Map<string, number> {
  return new Map(
    topics.flatMap(({ topicName: topic, partitions }) =>
      partitions.map(({ partition, errorCode }) => [nameOf({ topic, partition }), errorCode] as const)
    ),
  );
}

/**
 * The error for a record that exceeds the limit of its topic.
 *
 * @param topic The topic.
 * @param record The record.
 * @param limit Size of the largest batch that the topic accepts, in bytes; `null` if it is not known.
 */
export function tooLarge(topic: string, { value, bytes }: RecordToSend, limit: number | null): BusError {
  const setting = "max.message.bytes (message.max.bytes of the broker)";
  return new BusError(
    "too_large",
    `Cannot store a message in "${topic}": it has ${value.length} bytes, ${bytes} with key, headers and lengths; ` +
      `the limit of the topic, ${setting}, is ${limit ?? "lower"}`,
  );
}
