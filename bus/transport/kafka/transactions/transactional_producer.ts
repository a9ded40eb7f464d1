import type { Cluster } from "../net/cluster.ts";
import { Partitioner } from "../../partitioner.ts";
import { denialOf } from "../wire/denial.ts";
import type { Compression } from "../wire/codecs.ts";
import { expectSuccess } from "../wire/faults.ts";
import type { ProducerIdentity, Requests } from "../wire/requests.ts";

/** Settings of a transactional producer. */
export interface TransactionalProducerSettings {
  /** Of all producers with one id, the one opened last fences the others. */
  readonly transactionalId: string;
  /** The coordinator aborts a transaction that is open for longer, in milliseconds. */
  readonly timeoutMs: number;
  /** The group whose positions are committed. */
  readonly group: string;
  readonly compression: Compression;
  /** Purpose of its connections. */
  readonly purpose: string;
  /** Creates a topic if it does not exist. */
  readonly ensure: (topic: string) => Promise<void>;
}

/** Requests that go to a coordinator, with the identity of the producer. */
type Coordinated = "AddPartitionsToTxn" | "AddOffsetsToTxn" | "TxnOffsetCommit" | "EndTxn";

/**
 * The identity under which transactions run, one at a time
 * ([KIP-98](https://cwiki.apache.org/confluence/display/KAFKA/KIP-98)). Opening a producer fences the earlier
 * ones with the same id, whose requests fail from then on, and aborts the transaction that they left open.
 */
export class TransactionalProducer {
  readonly cluster: Cluster;
  readonly settings: TransactionalProducerSettings;
  readonly identity: ProducerIdentity;
  readonly partitioner = new Partitioner();
  /** Number of records sent to each partition: the sequence number of its next batch. */
  readonly sequences = new Map<string, number>();
  readonly #coordinators = new Map<"group" | "transaction", number>();

  private constructor(
    cluster: Cluster,
    settings: TransactionalProducerSettings,
    identity: ProducerIdentity,
  ) {
    this.cluster = cluster;
    this.settings = settings;
    this.identity = identity;
  }

  /**
   * Opens a producer. Once it resolves, no transaction of an earlier producer with the same id is open.
   *
   * @throws {BrokerFault | ConnectionFault} For `cluster.attempt` to retry.
   */
  static async open(
    cluster: Cluster,
    settings: TransactionalProducerSettings,
  ): Promise<TransactionalProducer> {
    const { transactionalId, timeoutMs: transactionTimeout, purpose } = settings;
    const coordinator = await cluster.findCoordinator(transactionalId, "transaction");
    const payload = { transactionalId, transactionTimeout };
    const answer = await cluster.request(coordinator, purpose, "InitProducerId", payload);
    const denial = denialOf(answer.errorCode, "InitProducerId", { transactionalId });
    expectSuccess(answer.errorCode, `The transactional id "${transactionalId}"`, denial);
    const { producerId, producerEpoch } = answer;
    return new TransactionalProducer(cluster, settings, { transactionalId, producerId, producerEpoch });
  }

  /** Asks the coordinator of the transactions, or that of the group. */
  async ask<A extends Coordinated>(
    of: "group" | "transaction",
    api: A,
    payload: Omit<Requests[A][0], keyof ProducerIdentity>,
  ): Promise<Requests[A][1]> {
    const { group, transactionalId, purpose } = this.settings;
    const id = of === "group" ? group : transactionalId;
    const coordinator = this.#coordinators.get(of) ?? await this.cluster.findCoordinator(id, of);
    this.#coordinators.set(of, coordinator);
    const request = { ...payload, ...this.identity } as unknown as Requests[A][0];
    return await this.cluster.request(coordinator, purpose, api, request);
  }

  /** Looks up the coordinators again: they may have moved to other brokers. */
  forgetCoordinators(): void {
    this.#coordinators.clear();
  }
}
