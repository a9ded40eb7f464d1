import type { BusError } from "../../errors.ts";
import type { CommittedMessage } from "../../transport.ts";
import type { Cluster } from "../net/cluster.ts";
import { nameOf, type TopicPartition, type TopicPosition } from "../topics.ts";
import { runTransaction } from "./transaction.ts";
import { TransactionalProducer, type TransactionalProducerSettings } from "./transactional_producer.ts";

/** Settings of the transactions of a subscription; `purpose` is a prefix. */
export type TransactionsSettings = Omit<TransactionalProducerSettings, "transactionalId">;

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
    const producer = await TransactionalProducer.open(this.#cluster, {
      ...this.#settings,
      // Unambiguous, since topic names contain no slash.
      transactionalId: `imagebus/${partition.topic}/${partition.partition}/${this.#settings.group}`,
      purpose: this.#purposeOf(partition),
    });
    this.#producers.set(nameOf(partition), producer);
  }

  /** Frees the producer of a lost claim. */
  end(partition: TopicPartition): void {
    this.#producers.delete(nameOf(partition));
    this.#cluster.closeConnections(this.#purposeOf(partition));
  }

  /**
   * Runs a transaction, as {@linkcode runTransaction}.
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
    return await runTransaction(this.#producers.get(nameOf(position))!, position, messages, lost);
  }

  /** Brokers answer the requests of a connection in order, so each producer has its own. */
  #purposeOf({ topic, partition }: TopicPartition): string {
    return `${this.#settings.purpose} transactions ${topic}/${partition}`;
  }
}
