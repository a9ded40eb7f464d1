import type { BusError } from "../../errors.ts";
import type { CommittedMessage } from "../../transport.ts";
import { applyFallbacks } from "../../validate.ts";
import type { Cluster } from "../net/cluster.ts";
import { nameOf, type TopicPartition, type TopicPosition } from "../topics.ts";
import { TransactionalProducer } from "./transactional_producer.ts";

/** How transactions of a subscription work. */
export interface TransactionsSettings {
  readonly group: string;
  /** Distinguishes its connections. */
  readonly purpose: string;
  /** The coordinator gives up a transaction that is open for longer, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxMessageBytes: number;
  /** Makes a topic that does not exist. */
  readonly ensure: (topic: string) => Promise<void>;
}

/**
 * The transactions of a subscription: one producer for each partition that it claims, under an id that is the partition's.
 * Whoever claims it next opens a producer with the same id, which shuts this one out. One producer for all partitions, whose
 * commits the group's coordinator fences by the generation (KIP-447), would need fewer transactions; but what a killed process
 * leaves open would then hold up the next owner, and all readers, until its time is up.
 */
export class Transactions {
  readonly #cluster: Cluster;
  readonly #settings: TransactionsSettings;
  readonly #producers = new Map<string, TransactionalProducer>();

  constructor(cluster: Cluster, settings: TransactionsSettings) {
    this.#cluster = cluster;
    this.#settings = settings;
  }

  /**
   * Shuts out the owners before. When it resolves nothing of theirs is under way any more.
   *
   * @throws {BrokerFault | ConnectionFault} To be tried again by `cluster.attempt`.
   */
  async begin(partitions: readonly TopicPartition[]): Promise<void> {
    await Promise.all(partitions.map((partition) => this.#open(partition)));
  }

  async #open(partition: TopicPartition): Promise<void> {
    const { group, timeoutMs, ensure } = this.#settings;
    const producer = await TransactionalProducer.open(this.#cluster, {
      // A topic's name holds no slash, so no other group, topic and partition have this id.
      transactionalId: `imagebus/${partition.topic}/${partition.partition}/${group}`,
      timeoutMs,
      group,
      purpose: this.#purposeOf(partition),
      ensure,
    });
    this.#producers.set(nameOf(partition), producer);
  }

  /** Frees what a lost claim held. */
  end(partition: TopicPartition): void {
    this.#producers.delete(nameOf(partition));
    this.#cluster.closeConnections(this.#purposeOf(partition));
  }

  /**
   * Stores messages and a position, or nothing.
   *
   * @param position Of a partition that is claimed.
   * @param messages What came of it.
   * @param lost Ends the attempt.
   * @returns and throws As {@linkcode TransactionalProducer.run}.
   */
  async run(
    position: TopicPosition,
    messages: readonly CommittedMessage[],
    lost: AbortSignal,
  ): Promise<BusError | null> {
    return await this.#producers.get(nameOf(position))!.run(position, messages, lost);
  }

  /**
   * Replaces what is too large for this side.
   *
   * @throws {BusError} As {@linkcode applyFallbacks}.
   */
  fit(messages: readonly CommittedMessage[]): CommittedMessage[] {
    return applyFallbacks(messages, this.#settings.maxMessageBytes);
  }

  /** Each producer has connections of its own: brokers answer the requests of one in turn. */
  #purposeOf({ topic, partition }: TopicPartition): string {
    return `${this.#settings.purpose} transactions ${topic}/${partition}`;
  }
}
