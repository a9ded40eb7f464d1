/**
 * The options of Kafka.
 *
 * @module
 */
import { type OptionTable, type SettingsOf, time } from "../../../lib/options.ts";
import { BusError } from "../errors.ts";
import { checkBusOptions, TRANSPORT_OPTIONS } from "../options.ts";
import type { TransportOptions } from "../transport.ts";
import { checkInteger } from "../validate.ts";
import type { TlsOptions } from "./net/connection.ts";
import type { SaslOptions } from "./wire/protocol.ts";

/** Options of {@linkcode openKafkaTransport}. Ranges: docs/options.md. */
export interface KafkaTransportOptions extends TransportOptions {
  /** Name under which the brokers know this client, in quotas and logs. @default {"imagebus"} */
  readonly clientId?: string;
  /** How long the first contact may take, in milliseconds. @default {5_000} */
  readonly connectTimeoutMs?: number;
  /** After so many milliseconds without progress `send` rejects as `unavailable`. @default {30_000} */
  readonly sendTimeoutMs?: number;
  /** After so many milliseconds without a heartbeat the partitions of a member go to others. @default {10_000} */
  readonly sessionTimeoutMs?: number;
  /**
   * Milliseconds between heartbeats, which also bring the news of a rebalance; at most a third of `sessionTimeoutMs`. By
   * default 1,000, or a fifth of `sessionTimeoutMs` if that is less.
   */
  readonly heartbeatMs?: number;
  /**
   * When a partition moves to another member, what was handed out has so many milliseconds to be committed.
   *
   * @default {3_000}
   */
  readonly releaseMs?: number;
  /** Encrypts the connections; `true` for a broker whose certificate the system trusts. @default {false} */
  readonly tls?: boolean | TlsOptions;
  /** How to log in to the brokers. */
  readonly sasl?: SaslOptions;
}

/** Options of Kafka alone. */
export const KAFKA_OPTIONS = {
  clientId: {
    type: "text",
    default: "imagebus",
    value: "NAME",
    text: "client id that brokers use in logs and quotas",
  },
  connectTimeoutMs: { ...time(100, 300_000), default: 5_000, text: "timeout of the first connection" },
  sendTimeoutMs: {
    ...time(100, 3_600_000),
    default: 30_000,
    text: "sending fails as unavailable after this time without progress",
  },
  sessionTimeoutMs: {
    ...time(1_000, 3_600_000),
    default: 10_000,
    text: "a group member without a heartbeat for this time loses its partitions",
  },
  heartbeatMs: {
    ...time(10, 1_200_000),
    otherwise: "1s, or a fifth of the session timeout if that is less",
    text: "interval between heartbeats; at most a third of the session timeout",
  },
  releaseMs: {
    ...time(0, 60_000),
    default: 3_000,
    text: "when a partition is revoked, time to commit the messages in flight",
  },
  tls: { type: "flag", default: false, text: "encrypt the connections with TLS" },
  "tls.caCerts": {
    type: "texts",
    from: "file",
    value: "FILE",
    text: "PEM certificates of authorities to trust besides those of the system; implies TLS",
  },
  "tls.cert": {
    type: "text",
    from: "file",
    value: "FILE",
    text: "PEM certificate chain of this client; implies TLS",
  },
  "tls.key": {
    type: "text",
    from: "file",
    value: "FILE",
    secret: true,
    text: "PEM private key of this client",
  },
  "sasl.mechanism": {
    type: "choice",
    values: ["plain", "scram-sha-256", "scram-sha-512"],
    text: "SASL mechanism for the login",
  },
  "sasl.username": { type: "text", value: "NAME", text: "user name for the login" },
  "sasl.password": {
    type: "text",
    from: "file",
    secret: true,
    value: "FILE",
    text: "file with the password; the variable holds the password itself",
  },
} as const satisfies OptionTable;

const ALL_OPTIONS = { ...TRANSPORT_OPTIONS, ...KAFKA_OPTIONS };

type Flat = SettingsOf<typeof ALL_OPTIONS>;

/** {@linkcode KafkaTransportOptions} with every default filled in. */
export interface KafkaSettings extends Omit<Flat, `${string}.${string}` | "tls" | "heartbeatMs"> {
  readonly heartbeatMs: number;
  readonly tls: TlsOptions | null;
  readonly sasl: SaslOptions | null;
}

/**
 * Checks the options of Kafka, and fills in the defaults.
 *
 * @throws {BusError} `invalid`.
 */
export function checkKafkaOptions(options: KafkaTransportOptions): KafkaSettings {
  const settings = checkBusOptions(ALL_OPTIONS, options);
  const { sessionTimeoutMs, heartbeatMs = Math.min(1_000, Math.floor(sessionTimeoutMs / 5)) } = settings;
  checkInteger("heartbeatMs", heartbeatMs, 10, Math.floor(sessionTimeoutMs / 3));
  return { ...settings, heartbeatMs, tls: tlsOf(settings), sasl: saslOf(settings) };
}

function tlsOf({ tls, "tls.caCerts": caCerts, "tls.cert": cert, "tls.key": key }: Flat): TlsOptions | null {
  if (!tls && caCerts === undefined && cert === undefined && key === undefined) return null;
  if ((cert === undefined) !== (key === undefined)) {
    throw new BusError(
      "invalid",
      `tls.${cert ? "cert" : "key"} needs tls.${cert ? "key" : "cert"} beside it`,
    );
  }
  return { ...caCerts && { caCerts }, ...cert !== undefined && key !== undefined && { cert, key } };
}

function saslOf(flat: Flat): SaslOptions | null {
  const { "sasl.mechanism": mechanism, "sasl.username": username, "sasl.password": password } = flat;
  const missing = Object.entries({ mechanism, username, password }).filter(([, value]) =>
    value === undefined
  );
  if (missing.length === 3) return null;
  if (mechanism !== undefined && username !== undefined && password !== undefined) {
    return { mechanism, username, password };
  }
  throw new BusError("invalid", `sasl needs ${missing.map(([name]) => name).join(" and ")} too`);
}
