/**
 * Kafka's wire protocol: the encoders and decoders of kafkajs for the requests that are used.
 *
 * Only the protocol layer of kafkajs is used. Its clients cannot give the guarantees of
 * `bus/transport/transport.ts`: no notification before a partition is revoked, no heartbeats while a handler
 * waits, one failed partition fails a whole request, no reading without a group, a connection that polls
 * every millisecond (tulios/kafkajs#1704). Its internal modules can be imported because the version is exact.
 * It is loaded when the first Kafka transport is opened.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { KafkajsSasl } from "../net/login.ts";
import { nameCodes } from "./faults.ts";
import { produceRequest } from "./produce_request.ts";
import type { Api, Coders, Definition, Exchange } from "./requests.ts";
import { stableOffsetFetchRequest } from "./stable_offset_fetch.ts";

/** The versions of each request that a broker supports, by API key. */
export type Versions = Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;

/** What the authenticator of kafkajs needs from a connection. */
export interface AuthenticatedConnection {
  readonly host: string;
  readonly port: number;
  readonly sasl: KafkajsSasl;
  send(exchange: Exchange): Promise<unknown>;
}

/** The parts of kafkajs that are used. */
export interface Protocol extends Coders {
  readonly requests: Readonly<Record<Api, Definition>>;
  readonly apiKeys: Readonly<Record<Api, number>>;
  readonly MemberMetadata: {
    encode(of: { version: number; topics: readonly string[]; userData: Buffer }): Buffer;
    decode(bytes: Buffer): { readonly topics: string[]; readonly userData: Buffer | null };
  };
  readonly MemberAssignment: {
    encode(of: { version: number; assignment: Readonly<Record<string, readonly number[]>> }): Buffer;
    decode(bytes: Buffer): { readonly assignment: Record<string, number[]> } | null;
  };
  /** @returns How long the login lasts, in milliseconds; 0 for ever. */
  readonly authenticate: (connection: AuthenticatedConnection, versions: Versions) => Promise<number>;
}

let loading: Promise<Protocol> | undefined;

/** Loads the protocol layer of kafkajs, once. */
export function loadProtocol(): Promise<Protocol> {
  return loading ??= load();
}

async function load(): Promise<Protocol> {
  const [encoder, decoder, protocol, apiKeys, errors, assigner, sasl, { fetchRequest }] = await Promise
    .all([
      import("npm:kafkajs@2.2.4/src/protocol/encoder.js"),
      import("npm:kafkajs@2.2.4/src/protocol/decoder.js"),
      import("npm:kafkajs@2.2.4/src/protocol/requests/index.js"),
      import("npm:kafkajs@2.2.4/src/protocol/requests/apiKeys.js"),
      import("npm:kafkajs@2.2.4/src/protocol/error.js"),
      import("npm:kafkajs@2.2.4/src/consumer/assignerProtocol.js"),
      import("npm:kafkajs@2.2.4/src/broker/saslAuthenticator/index.js"),
      import("./fetch_request.ts"),
    ]);
  nameCodes(errors.default.errorCodes);
  const coders: Coders = { Encoder: encoder.default, Decoder: decoder.default };
  return {
    ...coders,
    requests: {
      ...protocol.default.requests,
      Fetch: fetchRequest(protocol.default.requests.Fetch, coders),
      Produce: produceRequest(protocol.default.requests.Produce, coders),
      StableOffsetFetch: stableOffsetFetchRequest(coders),
    },
    apiKeys: { ...apiKeys.default, StableOffsetFetch: apiKeys.default.OffsetFetch },
    ...assigner.default,
    async authenticate(connection: AuthenticatedConnection, versions: Versions) {
      const authenticator = new sasl.default(connection, SILENT, versions, true);
      await authenticator.authenticate();
      return Number(authenticator.sessionLifetime);
    },
  };
}

const SILENT = {
  namespace: () => SILENT,
  debug() {},
  info() {},
  warn() {},
  error() {},
};
