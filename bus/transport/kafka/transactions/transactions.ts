import type { BusError } from "../../errors.ts";
import type { CommittedMessage } from "../../transport.ts";
import { applyFallbacks } from "../../validate.ts";
import type { Cluster } from "../net/cluster.ts";
import { nameOf, type TopicPartition, type TopicPosition } from "../topics.ts";
import type { TransactionalProducerSettings } from "./transaction_host.ts";
import { TransactionalProducer } from "./transactional_producer.ts";

/** Settings of the transactions of a subscription; `purpose` is a prefix. */
export interface TransactionsSettings extends Omit<TransactionalProducerSettings, "transactionalId"> {
  readonly maxMessageBytes: number;
}

/**
 * The transactions of a subscription: one producer per claimed partition, with a transactional id derived
 * from the partition. The next owner of the partition opens a producer with the same id, which fences this
 * one.
 *
 * The alternative, one producer for all partitions that is fenced by the generation of the group (KIP-447),
 * needs fewer transactions; but a transaction that a killed process leaves open would then block the next
 * owner, and all readers, until its timeout.
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
   * Fences the previous owners of partitions. Once it resolves, no transaction of theirs is open.
   *
   * @throws {BrokerFault | ConnectionFault} For `cluster.attempt` to retry.
   */
  async begin(partitions: readonly TopicPartition[]): Promise<void> {
    await Promise.all(partitions.map((partition) => this.#open(partition)));
  }

  async #open(partition: TopicPartition): Promise<void> {
    const { group, timeoutMs, ensure } = this.#settings;
    const producer = await TransactionalProducer.open(this.#cluster, {
      // Unambiguous, since topic names contain no slash.
      transactionalId: `imagebus/${partition.topic}/${partition.partition}/${group}`,
      timeoutMs,
      group,
      purpose: this.#purposeOf(partition),
      ensure,
    });
    this.#producers.set(nameOf(partition), producer);
  }

  /** Frees the producer of a lost claim. */
  end(partition: TopicPartition): void {
    this.#producers.delete(nameOf(partition));
    this.#cluster.closeConnections(this.#purposeOf(partition));
  }

  /**
   * Runs a transaction, as {@linkcode TransactionalProducer.run}.
   *
   * @param position In a claimed partition.
   * @param messages The outcome of the messages before it.
   * @param lost Ends the attempt, with an open outcome.
   */
  async run(
    position: TopicPosition,
    messages: readonly CommittedMessage[],
    lost: AbortSignal,
  ): Promise<BusError | null> {
    return await this.#producers.get(nameOf(position))!.run(position, messages, lost);
  }

  /** Applies the fallbacks of messages that exceed the limit of this side. */
  applyFallbacks(messages: readonly CommittedMessage[]): CommittedMessage[] {
    return applyFallbacks(messages, this.#settings.maxMessageBytes);
  }

  /** Brokers answer the requests of a connection in order, so each producer has its own. */
  #purposeOf({ topic, partition }: TopicPartition): string {
    return `${this.#settings.purpose} transactions ${topic}/${partition}`;
  }
}
