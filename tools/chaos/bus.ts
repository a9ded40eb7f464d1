import type { ConnectOptions } from "../../bus/connect.ts";
import { OwnKafka } from "./own_kafka.ts";
import type { BusKind } from "./schedule.ts";

/** The bus of a run. */
export interface ChaosBus extends AsyncDisposable {
  /** Where senders and workers connect to. */
  readonly url: string;
  /** What can be done to it; `null` for a bus that is only a file. */
  readonly brokers: Brokers | null;
}

const LEAST_QUEUE_BYTES = 4 * 2 ** 20;
const BYTES_A_MESSAGE = 2_048;

/**
 * The most bytes that the embedded bus of a run holds: enough for all results, which are read at the end.
 *
 * @param messages How many pictures are sent.
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
  return { maxQueueBytes, expiringTopics: [] };
}

/** Brokers that can be ended and come back. Which one it is of several says a number, modulo their number. */
export interface Brokers {
  /** Ends one, in order or at once, and starts it again after so many milliseconds. Resolves when all replicas are up to date. */
  restart(which: number, how: "stop" | "kill", awayMs: number): Promise<void>;
  /** The same, with the broker that leads this partition of the topic of the requests, modulo the number of its partitions. */
  restartLeader(partition: number, how: "stop" | "kill", awayMs: number): Promise<void>;
  /** Breaks all connections to one; it stays away for so many milliseconds. */
  cut(which: number, ms: number): Promise<void>;
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
