import type { Cluster } from "../net/cluster.ts";
import { nameOf, type TopicPartition } from "../topics.ts";
import { BrokerFault, CODE } from "../wire/faults.ts";
import type { BatchOrigin } from "../wire/record_batch.ts";

type ProducerId = Pick<BatchOrigin, "producerId" | "producerEpoch">;

interface Numbering {
  readonly id: ProducerId;
  /** Of the next batch. */
  sequence: number;
}

const MAX_SEQUENCE = 2 ** 31;
/** Brokers give ids to those who may write to any topic. */
const notPermitted = (topic: string) =>
  `this login has no right to Write the topic "${topic}" (before Kafka 2.8: no IdempotentWrite on the cluster, which ` +
  "nothing but the option idempotence needs)";

/**
 * The numbers by which brokers recognise a batch that is sent again (KIP-98): the id of a producer, and for each partition
 * how many records it has sent there.
 *
 * A batch of which it is not known whether it was stored can only be sent again with the same records. A partition that
 * gives one up gets another id: with the old one, a later batch could be taken for it, or leave a gap. The others keep
 * theirs, since their batches may be on the way.
 */
export class Sequences {
  readonly #cluster: Cluster;
  readonly #partitions = new Map<string, Numbering>();
  /** For the partitions that have no id yet. */
  #current: ProducerId | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * Numbers the next batches of partitions.
   *
   * @param place The broker that is asked for an id, and the purpose of the connection.
   * @throws {BrokerFault | ConnectionFault}
   */
  async prepare(
    { leader, purpose }: { readonly leader: number; readonly purpose: string },
    partitions: readonly TopicPartition[],
  ): Promise<void> {
    const fresh = partitions.map(nameOf).filter((name) => !this.#partitions.has(name));
    if (fresh.length === 0) return;
    const id = this.#current ?? await this.#ask(leader, purpose, partitions[0]!.topic);
    this.#current ??= id;
    for (const name of fresh) this.#partitions.set(name, { id: this.#current, sequence: 0 });
  }

  async #ask(leader: number, purpose: string, topic: string): Promise<ProducerId> {
    const payload = { transactionalId: null, transactionTimeout: 0 };
    const { errorCode, producerId, producerEpoch } = await this.#cluster.request(
      leader,
      purpose,
      "InitProducerId",
      payload,
    );
    if (errorCode === 0) return { producerId, producerEpoch };
    const hint = errorCode === CODE.CLUSTER_AUTHORIZATION_FAILED ? notPermitted(topic) : null;
    throw new BrokerFault(errorCode, "The producer id", hint);
  }

  /** The numbers of the next batch of a partition that was prepared. */
  originOf(partition: TopicPartition): BatchOrigin {
    const { id, sequence } = this.#partitions.get(nameOf(partition))!;
    return { ...id, sequence };
  }

  /** So many records of the next batch were stored. */
  stored(partition: TopicPartition, count: number): void {
    const numbering = this.#partitions.get(nameOf(partition))!;
    numbering.sequence = (numbering.sequence + count) % MAX_SEQUENCE;
  }

  /** The next batch will not be sent again as it is. */
  forget(partition: TopicPartition): void {
    const name = nameOf(partition);
    if (this.#partitions.get(name)?.id === this.#current) this.#current = undefined;
    this.#partitions.delete(name);
  }
}
