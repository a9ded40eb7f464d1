import { BusError } from "../../errors.ts";
import type { CommittedMessage } from "../../transport.ts";
import type { Cluster } from "../net/cluster.ts";
import { expectSuccess } from "../wire/faults.ts";
import { Partitioner } from "../producer/partitioner.ts";
import type { ProducerIdentity, Requests } from "../wire/requests.ts";
import type { TopicPosition } from "../topics.ts";
import { Transaction } from "./transaction.ts";
import type { Coordinated, TransactionalProducerSettings, TransactionHost } from "./transaction_host.ts";

/**
 * Stores records and the position of a group in transactions, one at a time
 * ([KIP-98](https://cwiki.apache.org/confluence/display/KAFKA/KIP-98)). Opening a producer fences the earlier
 * ones with the same id, whose requests fail from then on, and aborts the transaction that they left open.
 */
export class TransactionalProducer implements TransactionHost {
  readonly cluster: Cluster;
  readonly settings: TransactionalProducerSettings;
  readonly identity: ProducerIdentity;
  readonly partitioner = new Partitioner();
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
    expectSuccess(answer.errorCode, `The transactional id "${transactionalId}"`);
    const { producerId, producerEpoch } = answer;
    return new TransactionalProducer(cluster, settings, { transactionalId, producerId, producerEpoch });
  }

  /**
   * Stores messages and a position in one transaction.
   *
   * @param position Of the group.
   * @param messages Within the limits of this side.
   * @param over Ends the attempt, with an open outcome.
   * @returns `null` if everything is stored. If nothing is, and the next transaction can run, the reason:
   * `too_large`, `denied`, `invalid`.
   * @throws Anything else: the outcome is open, and this producer must not be used again.
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

  forgetCoordinators(): void {
    this.#coordinators.clear();
  }
}
