import type { ConnectOptions } from "../../bus/connect.ts";
import type { ChaosBus } from "./brokers.ts";
import { OwnKafka } from "./own_kafka.ts";
import type { BusKind } from "./schedule.ts";

const LEAST_QUEUE_BYTES = 4 * 2 ** 20;
const BYTES_A_MESSAGE = 2_048;

/**
 * The most bytes that the embedded bus of a run holds: enough for all results, which are read at the end.
 *
 * @param messages How many images are sent.
 */
export function maxQueueBytes(messages: number): number {
  return LEAST_QUEUE_BYTES + BYTES_A_MESSAGE * messages;
}

/**
 * How everybody connects to the bus of a run. No topic expires: the results are needed until the audit.
 *
 * @param maxQueueBytes As {@linkcode maxQueueBytes} says.
 */
export function busOptions(maxQueueBytes: number): ConnectOptions {
  return { sqlite: { maxQueueBytes, expiringTopics: [] } };
}

/**
 * Starts a bus that nobody else uses.
 *
 * @param kind Which one.
 * @param directory Where it keeps its data.
 * @param brokers How many brokers, of Kafka.
 * @throws {KafkaUnavailable} Without Java or Maven.
 */
export async function startBus(kind: BusKind, directory: string, brokers: number): Promise<ChaosBus> {
  if (kind === "kafka") return await OwnKafka.start(`${directory}/kafka`, brokers);
  return { url: `sqlite:${directory}/bus.db`, brokers: null, [Symbol.asyncDispose]: async () => {} };
}
