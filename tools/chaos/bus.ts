import type { ConnectOptions } from "../../bus/connect.ts";
import type { ChaosBus } from "./brokers.ts";
import { OwnKafka } from "./own_kafka.ts";
import type { BusKind } from "./schedule.ts";

const MIN_QUEUE_BYTES = 4 * 2 ** 20;
const BYTES_PER_MESSAGE = 2_048;

/**
 * Size limit of the embedded bus in bytes: enough for all results, which are read at the end.
 *
 * @param messages Number of images.
 */
export function maxQueueBytes(messages: number): number {
  return MIN_QUEUE_BYTES + BYTES_PER_MESSAGE * messages;
}

/**
 * Options of every connection to the bus of a run. No topic expires: the audit needs all results.
 *
 * @param maxQueueBytes Size limit of the embedded bus; see {@linkcode maxQueueBytes}.
 */
export function busOptions(maxQueueBytes: number): ConnectOptions {
  return { sqlite: { maxQueueBytes, expiringTopics: [] } };
}

/**
 * Starts the bus of a run.
 *
 * @param kind Embedded or Kafka.
 * @param directory Directory of its data.
 * @param brokers Number of Kafka brokers.
 * @throws {KafkaUnavailable} Without Java or Maven.
 */
export async function startBus(kind: BusKind, directory: string, brokers: number): Promise<ChaosBus> {
  if (kind === "kafka") return await OwnKafka.start(`${directory}/kafka`, brokers);
  return { url: `sqlite:${directory}/bus.db`, brokers: null, [Symbol.asyncDispose]: async () => {} };
}
