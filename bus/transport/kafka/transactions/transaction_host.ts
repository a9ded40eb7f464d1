import type { Cluster } from "../net/cluster.ts";
import type { Partitioner } from "../producer/partitioner.ts";
import type { ProducerIdentity, Requests } from "../wire/requests.ts";

/** How a transactional producer works. */
export interface TransactionalProducerSettings {
  /** Of all with the same id, only the one that was opened last can do anything. */
  readonly transactionalId: string;
  /** The coordinator gives up a transaction that is open for longer, in milliseconds. */
  readonly timeoutMs: number;
  /** The group whose positions are committed. */
  readonly group: string;
  /** Distinguishes its connections. */
  readonly purpose: string;
  /** Makes a topic that does not exist. */
  readonly ensure: (topic: string) => Promise<void>;
}

/** Requests that go to a coordinator, with the identity of the producer. */
export type Coordinated = "AddPartitionsToTxn" | "AddOffsetsToTxn" | "TxnOffsetCommit" | "EndTxn";

/** What a transaction needs of the producer that runs it. */
export interface TransactionHost {
  readonly cluster: Cluster;
  readonly settings: TransactionalProducerSettings;
  readonly identity: ProducerIdentity;
  readonly partitioner: Partitioner;
  /** Number of records each partition has got, by its name. */
  readonly sequences: Map<string, number>;
  /** Asks the coordinator of the transactions, or that of the group. */
  ask<A extends Coordinated>(
    of: "group" | "transaction",
    api: A,
    payload: Omit<Requests[A][0], keyof ProducerIdentity>,
  ): Promise<Requests[A][1]>;
  /** The coordinators may be other brokers now. */
  forgetCoordinators(): void;
}
