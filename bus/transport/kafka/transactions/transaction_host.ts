import type { Cluster } from "../net/cluster.ts";
import type { Partitioner } from "../producer/partitioner.ts";
import type { ProducerIdentity, Requests } from "../wire/requests.ts";

/** Settings of a transactional producer. */
export interface TransactionalProducerSettings {
  /** Of all producers with one id, the one opened last fences the others. */
  readonly transactionalId: string;
  /** The coordinator aborts a transaction that is open for longer, in milliseconds. */
  readonly timeoutMs: number;
  /** The group whose positions are committed. */
  readonly group: string;
  /** Purpose of its connections. */
  readonly purpose: string;
  /** Creates a topic if it does not exist. */
  readonly ensure: (topic: string) => Promise<void>;
}

/** Requests that go to a coordinator, with the identity of the producer. */
export type Coordinated = "AddPartitionsToTxn" | "AddOffsetsToTxn" | "TxnOffsetCommit" | "EndTxn";

/** What a transaction needs from its producer. */
export interface TransactionHost {
  readonly cluster: Cluster;
  readonly settings: TransactionalProducerSettings;
  readonly identity: ProducerIdentity;
  readonly partitioner: Partitioner;
  /** Number of records sent to each partition: the sequence number of its next batch. */
  readonly sequences: Map<string, number>;
  /** Asks the coordinator of the transactions, or that of the group. */
  ask<A extends Coordinated>(
    of: "group" | "transaction",
    api: A,
    payload: Omit<Requests[A][0], keyof ProducerIdentity>,
  ): Promise<Requests[A][1]>;
  /** Looks up the coordinators again: they may have moved to other brokers. */
  forgetCoordinators(): void;
}
