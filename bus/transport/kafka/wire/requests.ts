/**
 * The requests that are used, with the shapes of the encoders and decoders of kafkajs.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Message } from "../../transport.ts";

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
  readString(): string;
  readBytes(): Buffer | null;
  readArray<T>(read: () => T): T[];
  readTaggedFields(): void;
  readUVarIntArray<T>(read: () => T): T[] | null;
  readUVarIntString(): string | null;
}

/** Encoder and decoder of kafkajs. */
export interface Coders {
  readonly Encoder: new () => Encoder;
  readonly Decoder: new (bytes: Buffer) => Decoder;
}

/** An aborted transaction in a fetched range. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/** The partition of messages. */
export type Place = Pick<Message, "topic" | "partition">;

/** The header of a batch. */
export interface BatchHeader {
  /** Offset of its first record; in old formats that of the last. */
  readonly first: number;
  /** Offset of its last record, even if compaction has removed it. */
  readonly last: number;
  /** In milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
  /** Whether it is the broker's. */
  readonly isAppendTime: boolean;
  readonly producerId: bigint;
  readonly isTransactional: boolean;
  /** If it only ends a transaction: how. */
  readonly marker: "commit" | "abort" | null;
}

/** A batch of records that may be seen. */
export interface FetchedBatch {
  readonly header: BatchHeader;
  /** All of it. */
  readonly bytes: Buffer;
}

/** A fetched range of a partition. */
export interface FetchedRange {
  /** Those that may be seen, in ascending order of their offsets. */
  readonly batches: readonly FetchedBatch[];
  /** The offset after the last batch; `null` if there is none. */
  readonly end: number | null;
  /** Whether the timestamps of the last batch are the broker's (`LogAppendTime`), so that they ascend with the offsets. */
  readonly isAppendTime: boolean;
}

interface ErrorCode {
  readonly errorCode: number;
}

/** Part of most responses. In older versions the broker has waited itself, and the field has another name. */
export interface Throttling {
  /** A broker reads no more requests of the connection for so many milliseconds (KIP-219). */
  readonly clientSideThrottleTime?: number;
}

interface ByTopic<Partition> {
  readonly topic: string;
  readonly partitions: readonly Partition[];
}

/** In some responses the topic has another name. */
interface ByTopicName<Partition> {
  readonly topicName: string;
  readonly partitions: readonly Partition[];
}

interface Partition {
  readonly partition: number;
}

/** The offset is decimal text. */
type Offsets = readonly ByTopic<Partition & ErrorCode & { readonly offset: string }>[];

/** A member of a group, as the leader learns of it. */
export interface JoinedMember {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

/** The part of a fetch for one partition. */
export interface FetchedPartition extends Partition, ErrorCode, FetchedRange {
  /** Id of a broker that is closer and has the partition too (KIP-392); -1 for none. */
  readonly preferredReplica: number;
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

interface OfGroup {
  readonly groupId: string;
}

interface Member extends OfGroup {
  readonly memberId: string;
  /** Of a static member (KIP-345); brokers before 2.3 do not get it. */
  readonly groupInstanceId?: string | null;
}

interface MemberOfGeneration extends Member {
  readonly groupGenerationId: number;
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
    { readonly topicErrors: readonly (ErrorCode & { topic: string; errorMessage: string | null })[] },
  ];
  DescribeConfigs: [
    { readonly resources: readonly { type: number; name: string; configNames: string[] }[] },
    {
      readonly resources: readonly {
        readonly resourceName: string;
        readonly configEntries: readonly { readonly configName: string; readonly configValue: string }[];
      }[];
    },
  ];
  Produce: [
    {
      readonly transactionalId?: string;
      readonly acks: -1;
      readonly timeout: number;
      readonly topicData: readonly ByTopic<Partition & { readonly batch: Buffer }>[];
    },
    { readonly topics: readonly ByTopicName<Partition & ErrorCode>[] },
  ];
  Fetch: [
    {
      readonly maxWaitTime: number;
      readonly minBytes: number;
      readonly maxBytes: number;
      /** Where the client is; empty if that does not matter. */
      readonly rackId: string;
      readonly topics: readonly ByTopic<Partition & { fetchOffset: number; maxBytes: number }>[];
    },
    Throttling & { readonly responses: readonly ByTopicName<FetchedPartition>[] },
  ];
  ListOffsets: [
    {
      readonly replicaId: -1;
      /** 0: up to the end; 1: up to the first open transaction. */
      readonly isolationLevel: 0 | 1;
      readonly topics: readonly ByTopic<Partition & { readonly timestamp: number }>[];
    },
    { readonly responses: Offsets },
  ];
  DeleteRecords: [
    {
      readonly topics: readonly ByTopic<Partition & { readonly offset: number }>[];
      readonly timeout: number;
    },
    { readonly topics: readonly ByTopic<Partition & ErrorCode>[] },
  ];
  GroupCoordinator: [
    OfGroup & { readonly coordinatorType: number },
    ErrorCode & { readonly coordinator: { readonly nodeId: number } },
  ];
  JoinGroup: [
    Member & {
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
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
    Member & {
      readonly generationId: number;
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    },
    ErrorCode & { readonly memberAssignment: Buffer },
  ];
  Heartbeat: [MemberOfGeneration, ErrorCode];
  LeaveGroup: [Member, ErrorCode];
  OffsetCommit: [
    MemberOfGeneration & { readonly topics: readonly ByTopic<Partition & { readonly offset: number }>[] },
    { readonly responses: readonly ByTopic<Partition & ErrorCode>[] },
  ];
  OffsetFetch: [
    OfGroup & { readonly topics: readonly ByTopic<Partition>[] },
    Partial<ErrorCode> & Throttling & { readonly responses: Offsets },
  ];
  /** Rejected with UNSTABLE_OFFSET_COMMIT while a transaction that commits for these partitions is open. */
  StableOffsetFetch: Requests["OffsetFetch"];
  InitProducerId: [
    { readonly transactionalId: string | null; readonly transactionTimeout: number },
    ErrorCode & { readonly producerId: string; readonly producerEpoch: number },
  ];
  AddPartitionsToTxn: [
    ProducerIdentity & { readonly topics: readonly ByTopic<number>[] },
    {
      readonly errors: readonly {
        readonly topic: string;
        readonly partitionErrors: readonly (Partition & ErrorCode)[];
      }[];
    },
  ];
  AddOffsetsToTxn: [ProducerIdentity & OfGroup, ErrorCode];
  TxnOffsetCommit: [
    & ProducerIdentity
    & OfGroup
    & { readonly topics: readonly ByTopic<Partition & { offset: number; metadata: string }>[] },
    { readonly topics: readonly ByTopic<Partition & ErrorCode>[] },
  ];
  EndTxn: [ProducerIdentity & { readonly transactionResult: boolean }, ErrorCode];
}

/** The name of a request. */
export type Api = keyof Requests;

/** A request, ready to be encoded, with the decoder of its response. */
export interface Exchange {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<{ readonly buffer: Buffer }>;
  };
  readonly response: {
    decode(payload: Buffer): Promise<unknown>;
    parse?(data: unknown): Promise<unknown>;
  };
}

/** The versions of a request that can be encoded. */
export interface Definition {
  readonly versions: readonly string[];
  protocol(of: { readonly version: number }): (payload: Requests[Api][0]) => Exchange;
}
