import { BusError } from "../../errors.ts";
import type { CommittedMessage } from "../../transport.ts";
import type { Cluster } from "../net/cluster.ts";
import { expectSuccess } from "../wire/faults.ts";
import { Partitioner } from "../producer/partitioner.ts";
import type { ProducerIdentity, Requests } from "../wire/requests.ts";
import type { TopicPosition } from "../topics.ts";
import { Transaction } from "./transaction.ts";
import type { Coordinated, TransactionalProducerSettings, TransactionHost } from "./transaction_host.ts";

export type { TransactionalProducerSettings };

/**
 * Stores records and a group's position in transactions, one at a time
 * ([KIP-98](https://cwiki.apache.org/confluence/display/KAFKA/KIP-98)). To open one shuts out those with the same id that were
 * opened before, and ends the transaction that they left open.
 */
export class TransactionalProducer implements TransactionHost {
  readonly cluster: Cluster;
  readonly settings: TransactionalProducerSettings;
  readonly identity: ProducerIdentity;
  readonly partitioner = new Partitioner();
  /** How many records each partition got, by its name. */
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
   * Opens one. When it resolves nothing of an earlier one with the same id is open any more.
   *
   * @throws {BrokerFault | ConnectionFault} To be tried again by `cluster.attempt`.
   */
  static async open(
    cluster: Cluster,
    settings: TransactionalProducerSettings,
  ): Promise<TransactionalProducer> {
    const { transactionalId, timeoutMs: transactionTimeout, purpose } = settings;
    const coordinator = await cluster.findCoordinator(transactionalId, "transaction");
    const payload = { transactionalId, transactionTimeout };
    const answer = await cluster.request(coordinator, purpose, "InitProducerId", payload);
    expectSuccess(answer.errorCode, `The transactional id "${transactionalId}"`);
    const { producerId, producerEpoch } = answer;
    return new TransactionalProducer(cluster, settings, { transactionalId, producerId, producerEpoch });
  }

  /**
   * Stores messages and a position, or nothing.
   *
   * @param position Of the group.
   * @param messages They fit this side's limit.
   * @param over Ends the attempt, with the outcome open.
   * @returns `null` when it is stored; else, when nothing is stored and the next one can be run, why: `too_large`, `denied`, `invalid`.
   * @throws Anything: the outcome is open, and this producer can't be used any more.
   */
  async run(
    position: TopicPosition,
    messages: readonly CommittedMessage[],
    over: AbortSignal,
  ): Promise<BusError | null> {
    const transaction = new Transaction(this, over);
    try {
      await transaction.send(messages);
      await transaction.commitPosition(position);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      await transaction.end(false);
      return error;
    }
    await transaction.end(true);
    return null;
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
    const whole = { ...payload, ...this.identity } as unknown as Requests[A][0];
    return await this.cluster.request(coordinator, purpose, api, whole);
  }

  /** The coordinators may be other brokers now. */
  forgetCoordinators(): void {
    this.#coordinators.clear();
  }
}
