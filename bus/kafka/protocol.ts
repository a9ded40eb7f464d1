/**
 * Kafka's wire protocol: which requests are used, in what shape, and the encoders and decoders of kafkajs for them.
 *
 * Only kafkajs's protocol layer is used. Its clients can't keep what `bus/transport.ts` promises: no word before a
 * partition is taken away, no heartbeat while a handler waits, one failed partition fails a whole request, no reading
 * without a group, a connection that polls every millisecond (tulios/kafkajs#1704). Its inner modules may be imported
 * since the version is exact; it is loaded when the first Kafka transport is opened.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { BusError } from "../errors.ts";
import type { Codec } from "./compression.ts";
import { nameCodes } from "./faults.ts";
import { encodeProduceRequest, PRODUCE_VERSIONS } from "./produce_request.ts";
import {
  decodeStableOffsetFetch,
  encodeStableOffsetFetch,
  STABLE_OFFSET_FETCH,
} from "./stable_offset_fetch.ts";

/** A record as the decoder returns it. Numbers of 64 bits are decimal text. */
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

/** A transaction that was aborted, as a fetch tells of it. */
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

/** A member of a group as the coordinator tells the leader of it. */
export interface JoinedMember {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

/** What a fetch returned for one partition. */
export interface FetchedPartition extends ErrorCode {
  readonly partition: number;
  readonly abortedTransactions: readonly AbortedTransaction[];
  readonly messages: readonly FetchedRecord[];
}

/** What is known of a topic. */
export interface TopicMetadata {
  readonly topic: string;
  readonly topicErrorCode: number;
  readonly isInternal: boolean;
  readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[];
}

/** Whose coordinator: a group's, or a transactional id's. */
export const COORDINATOR = { group: 0, transaction: 1 } as const;

/** One of {@linkcode COORDINATOR}. */
export type CoordinatorType = (typeof COORDINATOR)[keyof typeof COORDINATOR];

/** Who sends in a transaction: of equal names, only the one with the latest epoch may. */
export interface ProducerIdentity {
  readonly transactionalId: string;
  /** A number of 64 bits as decimal text. */
  readonly producerId: string;
  readonly producerEpoch: number;
}

/** The requests that are used: what goes in, what comes back. */
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
      /** 0: up to the end; 1: up to the first transaction that is open. */
      readonly isolationLevel: 0 | 1;
      readonly topics: readonly ByTopic<{ partition: number; timestamp: number }>[];
    },
    { readonly responses: readonly ByTopic<ErrorCode & { partition: number; offset: string }>[] },
  ];
  GroupCoordinator: [
    { readonly groupId: string; readonly coordinatorType?: CoordinatorType },
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
  /** Is refused while a transaction that commits for these partitions is open. */
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

/** One request, ready to be written, and how to read its answer. */
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

/** Which versions of each request a broker understands, by the number of the request. */
export type Versions = Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;

interface Definition {
  readonly versions: readonly string[];
  protocol(of: { version: number }): (payload: Requests[Api][0]) => Exchange;
}

/** How to prove to a broker who one is. */
export interface SaslOptions {
  /** The mechanism that the broker offers. */
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  /** The user's name. */
  readonly username: string;
  /** The user's password. */
  readonly password: string;
}

/** What kafkajs's authenticator needs to know of a connection. */
export interface AuthenticatedConnection {
  readonly host: string;
  readonly port: number;
  readonly sasl: SaslOptions;
  send(exchange: Exchange): Promise<unknown>;
}

/** The parts of kafkajs that are used. */
export interface Protocol {
  readonly requests: Readonly<Record<Api, Definition>>;
  readonly lookup: (
    versions: Versions,
  ) => (key: number, definition: Definition) => (payload: unknown) => Exchange;
  readonly apiKeys: Readonly<Record<Api, number>>;
  readonly crc32c: (bytes: Buffer) => number;
  readonly MemberMetadata: {
    encode(of: { version: number; topics: readonly string[]; userData: Buffer }): Buffer;
    decode(bytes: Buffer): { readonly topics: string[]; readonly userData: Buffer | null };
  };
  readonly MemberAssignment: {
    encode(of: { version: number; assignment: Readonly<Record<string, readonly number[]>> }): Buffer;
    decode(bytes: Buffer): { readonly assignment: Record<string, number[]> } | null;
  };
  readonly authenticate: (connection: AuthenticatedConnection, versions: Versions) => Promise<void>;
}

let loading: Promise<Protocol> | undefined;

/** Loads kafkajs's protocol layer, once. */
export function loadProtocol(): Promise<Protocol> {
  return loading ??= load();
}

async function load(): Promise<Protocol> {
  const [protocol, apiKeys, crc32c, errors, assigner, sasl, compression, { CODECS }] = await Promise
    .all([
      import("npm:kafkajs@2.2.4/src/protocol/requests/index.js"),
      import("npm:kafkajs@2.2.4/src/protocol/requests/apiKeys.js"),
      import("npm:kafkajs@2.2.4/src/protocol/recordBatch/crc32C/index.js"),
      import("npm:kafkajs@2.2.4/src/protocol/error.js"),
      import("npm:kafkajs@2.2.4/src/consumer/assignerProtocol.js"),
      import("npm:kafkajs@2.2.4/src/broker/saslAuthenticator/index.js"),
      import("npm:kafkajs@2.2.4/src/protocol/message/compression/index.js"),
      import("./compression.ts"),
    ]);
  registerCodecs(compression.default.Codecs, CODECS);
  nameCodes(errors.default.errorCodes);
  return {
    lookup: protocol.default.lookup,
    requests: {
      ...protocol.default.requests,
      Produce: produceDefinition(protocol.default.requests.Produce),
      StableOffsetFetch: stableOffsetFetchDefinition,
    },
    apiKeys: { ...apiKeys.default, StableOffsetFetch: STABLE_OFFSET_FETCH.apiKey },
    crc32c: crc32c.default,
    ...assigner.default,
    authenticate: (connection: AuthenticatedConnection, versions: Versions) =>
      new sasl.default(connection, SILENT, versions, true).authenticate(),
  };
}

/** kafkajs's answers, with our requests. */
function produceDefinition(theirs: Definition): Definition {
  return {
    versions: PRODUCE_VERSIONS,
    protocol: ({ version: apiVersion }) => (payload) => {
      const { request: { apiKey, apiName }, response } = theirs.protocol({ version: apiVersion })({
        ...payload,
        topicData: [],
      });
      const encode = () =>
        Promise.resolve({ buffer: encodeProduceRequest(payload as Requests["Produce"][0]) });
      return { request: { apiKey, apiVersion, apiName, encode }, response };
    },
  };
}

const stableOffsetFetchDefinition: Definition = {
  versions: [`${STABLE_OFFSET_FETCH.apiVersion}`],
  protocol: ({ version }) => (payload) => {
    if (version < STABLE_OFFSET_FETCH.apiVersion) throw tooOld(version);
    const buffer = encodeStableOffsetFetch(payload as Requests["StableOffsetFetch"][0]);
    return {
      request: { ...STABLE_OFFSET_FETCH, encode: () => Promise.resolve({ buffer }) },
      response: { decode: (bytes) => Promise.resolve(decodeStableOffsetFetch(bytes)) },
    };
  },
};

function tooOld(version: number): BusError {
  const { apiName, apiVersion } = STABLE_OFFSET_FETCH;
  const known = `knows ${apiName} up to version ${version}, and ${apiVersion} was expected`;
  return new BusError("invalid", `exactly-once needs Kafka 2.5 or newer: the broker ${known}`);
}

/** A program that uses kafkajs itself may have registered its own codecs: those stay. */
function registerCodecs(registered: Record<number, () => Codec>, ours: ReadonlyMap<number, Codec>): void {
  for (const [type, codec] of ours) {
    try {
      registered[type]?.();
    } catch {
      registered[type] = () => codec;
    }
  }
}

const SILENT = {
  namespace: () => SILENT,
  debug() {},
  info() {},
  warn() {},
  error() {},
};
