/**
 * Requests to store records, inside and outside of transactions.
 *
 * @module
 */
import { BusError } from "../../errors.ts";
import type { Cluster } from "../net/cluster.ts";
import { byTopic, nameOf, type TopicPartition } from "../topics.ts";
import { denialOf } from "../wire/denial.ts";
import { BrokerFault, CODE } from "../wire/faults.ts";
import type { Compression } from "../wire/codecs.ts";
import { type BatchOrigin, encodeRecordBatch, type RecordToSend } from "../wire/record_batch.ts";
import type { RecordQueue } from "./record_queue.ts";

/** A record that is sent, with what belongs to it. */
interface WithRecord {
  readonly record: RecordToSend;
}

/** Approximate size of the largest request; brokers read up to 104,857,600 bytes. */
const REQUEST_BYTES = 16 * 2 ** 20;
/** How long to wait for a broker, which may wait for its replicas for two thirds of it. */
export const PRODUCE_TIMEOUT_MS = 30_000;

/** Where and how a request is sent. */
export interface ProduceOptions {
  /** Id of the broker. */
  readonly leader: number;
  /** Purpose of the connection. */
  readonly purpose: string;
  /** How long to wait for the broker, in milliseconds. */
  readonly timeoutMs: number;
  /** Of the transaction. */
  readonly transactionalId?: string;
  readonly compression: Compression;
  /** For batches that brokers recognise when they are sent again. */
  readonly originOf?: (partition: TopicPartition) => BatchOrigin;
}

/** Makes the next batches of some queues pending, as many as fit into a request: at least one. */
export function takeBatches<T extends WithRecord>(queues: readonly RecordQueue<T>[]): RecordQueue<T>[] {
  const taken: RecordQueue<T>[] = [];
  let bytes = 0;
  for (const queue of queues) {
    if (bytes >= REQUEST_BYTES) break;
    for (const { record } of queue.take()) bytes += record.bytes;
    taken.push(queue);
  }
  return taken;
}

/**
 * Sends the pending batches of some queues.
 *
 * @param cluster The brokers.
 * @param queues With a pending batch each, for partitions of one leader.
 * @param options Where and how.
 * @returns The error codes, by partition.
 */
export async function produce(
  cluster: Cluster,
  queues: readonly RecordQueue<WithRecord>[],
  { leader, purpose, timeoutMs, compression, originOf, ...rest }: ProduceOptions,
): Promise<Map<string, number>> {
  const batches = queues.map((queue) => {
    const { topic, partition, pending } = queue;
    const records = pending.map(({ record }) => record);
    const batch = encodeRecordBatch(records, Date.now(), originOf?.(queue), compression);
    return { topic, partition, batch };
  });
  const timeout = Math.ceil(timeoutMs * 2 / 3);
  const payload = { ...rest, acks: -1, timeout, topicData: byTopic(batches) } as const;
  const { topics } = await cluster.request(leader, purpose, "Produce", payload, timeoutMs);
  return new Map(
    topics.flatMap(({ topicName: topic, partitions }) =>
      partitions.map(({ partition, errorCode }) => [nameOf({ topic, partition }), errorCode] as const)
    ),
  );
}

/** The fault of a batch that a broker rejects. */
export function produceFault(topic: string, code: number): BrokerFault {
  const hint = "INVALID_RECORD (87); a compacted topic accepts only messages with a key";
  const detail = code === CODE.INVALID_RECORD ? hint : denialOf(code, "Produce", { topic });
  return new BrokerFault(code, `Topic "${topic}"`, detail);
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
