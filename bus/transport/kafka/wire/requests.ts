/**
 * The requests that are used, with the shapes of the encoders and decoders of kafkajs.
 *
 * @module
 */
import type { Buffer } from "node:buffer";

/** The methods of kafkajs's encoder that are used: each appends a value. */
export interface Encoder {
  readonly buffer: Buffer;
  writeBoolean(value: boolean): this;
  writeInt16(value: number): this;
  writeInt32(value: number): this;
  writeString(value: string | null): this;
  writeUVarInt(value: number): this;
  writeUVarIntString(value: string): this;
}

/** The methods of kafkajs's decoder that are used: each takes the next value. */
export interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readTaggedFields(): void;
  readUVarIntArray<T>(read: () => T): T[] | null;
  readUVarIntString(): string | null;
}

/** Encoder and decoder of kafkajs. */
export interface Coders {
  readonly Encoder: new () => Encoder;
  readonly Decoder: new (bytes: Buffer) => Decoder;
}

/** A decoded record. 64-bit numbers are decimal text. */
export interface FetchedRecord {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | null | (Buffer | null)[]>>;
  readonly isControlRecord: boolean;
  readonly batchContext: {
    readonly firstOffset: string;
    readonly lastOffsetDelta: number;
    readonly inTransaction: boolean;
    readonly producerId: string;
  };
}

/** An aborted transaction in a fetched range. */
export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}

interface ErrorCode {
  readonly errorCode: number;
}

interface ByTopic<Partition> {
  readonly topic: string;
  readonly partitions: readonly Partition[];
}

/** A member of a group, as the leader learns of it. */
export interface JoinedMember {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

/** The part of a fetch for one partition. */
export interface FetchedPartition extends ErrorCode {
  readonly partition: number;
  readonly abortedTransactions: readonly AbortedTransaction[];
  readonly messages: readonly FetchedRecord[];
}

/** Metadata of a topic. */
export interface TopicMetadata {
  readonly topic: string;
  readonly topicErrorCode: number;
  readonly isInternal: boolean;
  readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[];
}

/** Kinds of coordinators. */
export const COORDINATOR = { group: 0, transaction: 1 } as const;

/** Identity of a transactional producer: of those with one id, only that with the latest epoch is valid. */
export interface ProducerIdentity {
  readonly transactionalId: string;
  /** A 64-bit number as decimal text. */
  readonly producerId: string;
  readonly producerEpoch: number;
}

/** Request and response of each API. */
export interface Requests {
  ApiVersions: [
    Record<never, never>,
    ErrorCode & {
      readonly apiVersions: readonly { apiKey: number; minVersion: number; maxVersion: number }[];
    },
  ];
  Metadata: [
    { readonly topics: readonly string[]; readonly allowAutoTopicCreation: false },
    {
      readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
      readonly controllerId: number;
      readonly topicMetadata: readonly TopicMetadata[];
    },
  ];
  CreateTopics: [
    {
      readonly topics: readonly {
        readonly topic: string;
        readonly numPartitions: number;
        readonly configEntries: readonly { readonly name: string; readonly value: string }[];
      }[];
      readonly timeout: number;
    },
    {
      readonly topicErrors: readonly (ErrorCode & {
        readonly topic: string;
        readonly errorMessage: string | null;
      })[];
    },
  ];
  DescribeConfigs: [
    {
      readonly resources: readonly { readonly type: number; readonly name: string; configNames: string[] }[];
    },
    {
      readonly resources: readonly (ErrorCode & {
        readonly configEntries: readonly { readonly configName: string; readonly configValue: string }[];
      })[];
    },
  ];
  Produce: [
    {
      readonly transactionalId?: string;
      readonly acks: -1;
      readonly timeout: number;
      readonly topicData: readonly ByTopic<{ partition: number; batch: Buffer }>[];
    },
    {
      readonly topics: readonly {
        readonly topicName: string;
        readonly partitions: readonly (ErrorCode & { readonly partition: number })[];
      }[];
    },
  ];
  Fetch: [
    {
      readonly maxWaitTime: number;
      readonly minBytes: number;
      readonly maxBytes: number;
      readonly topics: readonly ByTopic<{ partition: number; fetchOffset: number; maxBytes: number }>[];
    },
    Partial<ErrorCode> & {
      readonly responses: readonly {
        readonly topicName: string;
        readonly partitions: readonly FetchedPartition[];
      }[];
    },
  ];
  ListOffsets: [
    {
      readonly replicaId: -1;
      /** 0: up to the end; 1: up to the first open transaction. */
      readonly isolationLevel: 0 | 1;
      readonly topics: readonly ByTopic<{ partition: number; timestamp: number }>[];
    },
    { readonly responses: readonly ByTopic<ErrorCode & { partition: number; offset: string }>[] },
  ];
  GroupCoordinator: [
    { readonly groupId: string; readonly coordinatorType: number },
    ErrorCode & { readonly coordinator: { readonly nodeId: number } },
  ];
  JoinGroup: [
    {
      readonly groupId: string;
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly memberId: string;
      readonly protocolType: "consumer";
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
    },
    ErrorCode & {
      readonly generationId: number;
      readonly leaderId: string;
      readonly memberId: string;
      readonly members: readonly JoinedMember[];
    },
  ];
  SyncGroup: [
    {
      readonly groupId: string;
      readonly generationId: number;
      readonly memberId: string;
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    },
    ErrorCode & { readonly memberAssignment: Buffer },
  ];
  Heartbeat: [
    { readonly groupId: string; readonly groupGenerationId: number; readonly memberId: string },
    ErrorCode,
  ];
  LeaveGroup: [{ readonly groupId: string; readonly memberId: string }, ErrorCode];
  OffsetCommit: [
    {
      readonly groupId: string;
      readonly groupGenerationId: number;
      readonly memberId: string;
      readonly topics: readonly ByTopic<{ partition: number; offset: number }>[];
    },
    { readonly responses: readonly ByTopic<ErrorCode & { partition: number }>[] },
  ];
  OffsetFetch: [
    { readonly groupId: string; readonly topics: readonly ByTopic<{ partition: number }>[] },
    Partial<ErrorCode> & {
      readonly responses: readonly ByTopic<ErrorCode & { partition: number; offset: string }>[];
    },
  ];
  /** Rejected with UNSTABLE_OFFSET_COMMIT while a transaction that commits for these partitions is open. */
  StableOffsetFetch: Requests["OffsetFetch"];
  InitProducerId: [
    { readonly transactionalId: string; readonly transactionTimeout: number },
    ErrorCode & { readonly producerId: string; readonly producerEpoch: number },
  ];
  AddPartitionsToTxn: [
    ProducerIdentity & { readonly topics: readonly { topic: string; partitions: readonly number[] }[] },
    {
      readonly errors: readonly {
        readonly topic: string;
        readonly partitionErrors: readonly (ErrorCode & { readonly partition: number })[];
      }[];
    },
  ];
  AddOffsetsToTxn: [ProducerIdentity & { readonly groupId: string }, ErrorCode];
  TxnOffsetCommit: [
    ProducerIdentity & {
      readonly groupId: string;
      readonly topics: readonly ByTopic<{ partition: number; offset: number; metadata: string }>[];
    },
    { readonly topics: readonly ByTopic<ErrorCode & { partition: number }>[] },
  ];
  EndTxn: [ProducerIdentity & { readonly transactionResult: boolean }, ErrorCode];
}

/** The name of a request. */
export type Api = keyof Requests;
