/**
 * The options of Kafka.
 *
 * @module
 */
import { type ApiRow, type OptionTable, type SettingsOf, time } from "../../../lib/options.ts";
import { defined } from "../../../lib/defined.ts";
import { BusError } from "../errors.ts";
import { checkBusOptions, TRANSPORT_OPTIONS } from "../options.ts";
import type { TransportOptions } from "../transport.ts";
import { checkInteger, isTopicName } from "../validate.ts";
import { type Compression, COMPRESSIONS } from "./wire/codecs.ts";
import { type Login, prepareLogin, type SaslOptions } from "./net/login.ts";
import { checkTls, type TlsOptions } from "./net/socket.ts";

/** Options of {@linkcode openKafkaTransport}. Ranges: docs/options.md. */
export interface KafkaTransportOptions extends TransportOptions {
  /** Name under which the brokers know this client, in quotas and logs. @default {"imagebus"} */
  readonly clientId?: string;
  /** How long the first contact may take, in milliseconds. @default {5_000} */
  readonly connectTimeoutMs?: number;
  /** After so many milliseconds without progress `send` rejects as `unavailable`. @default {30_000} */
  readonly sendTimeoutMs?: number;
  /**
   * Whether brokers recognise a batch that is sent again because its response was lost, so that it is stored once.
   *
   * @default {true}
   */
  readonly idempotence?: boolean;
  /**
   * How batches are compressed when they are sent, if that makes them smaller. Most image formats are compressed already.
   *
   * @default {"none"}
   */
  readonly compression?: Compression;
  /** After so many milliseconds without a heartbeat the partitions of a member go to others. @default {10_000} */
  readonly sessionTimeoutMs?: number;
  /**
   * Milliseconds between heartbeats, which also bring the news of a rebalance; at most a third of `sessionTimeoutMs`. By
   * default 1,000, or a fifth of `sessionTimeoutMs` if that is less.
   */
  readonly heartbeatMs?: number;
  /**
   * Name of this process in its groups, of its own (KIP-345): when it is restarted within `sessionTimeoutMs`, it gets its
   * partitions back, and those of the others do not move. Without it, others take over as soon as it is closed.
   */
  readonly groupInstanceId?: string;
  /**
   * The rack or availability zone of this client: with `replica.selector.class` set, brokers let it read from a replica in the
   * same one (KIP-392).
   */
  readonly rack?: string;
  /**
   * When a partition moves to another member, what was handed out has so many milliseconds to be committed.
   *
   * @default {3_000}
   */
  readonly releaseMs?: number;
  /**
   * The text of a configuration file of Kafka clients (`bootstrap.servers=…`), with the property names of Java or
   * librdkafka. Options beside it take precedence.
   */
  readonly config?: string;
  /** Encrypts the connections; `true` for a broker whose certificate the system trusts. @default {false} */
  readonly tls?: boolean | TlsOptions;
  /** How to log in to the brokers. */
  readonly sasl?: SaslOptions;
}

const TOKEN: ApiRow<() => Promise<string>> = {
  type: "api",
  accepts: (value) => typeof value === "function",
  expected: "a function",
  text: "oauthbearer: gets a token, in place of the four options before",
};

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
  idempotence: {
    type: "flag",
    default: true,
    text: "let brokers recognise what is sent again after a lost response, so that it is stored once",
  },
  compression: {
    type: "choice",
    values: COMPRESSIONS,
    default: "none",
    value: "NAME",
    text: `compression of what is sent: ${COMPRESSIONS.slice(0, -1).join(", ")} or ${COMPRESSIONS.at(-1)}`,
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
  groupInstanceId: {
    type: "text",
    value: "NAME",
    text:
      "name of this process in its groups, of its own: restarted within the session timeout, it keeps its partitions",
  },
  rack: {
    type: "text",
    value: "NAME",
    text:
      "rack or availability zone of this client: partitions are read from a replica there, if brokers allow it",
  },
  releaseMs: {
    ...time(0, 60_000),
    default: 3_000,
    text: "when a partition is revoked, time to commit the messages in flight",
  },
  config: {
    type: "text",
    from: "file",
    value: "FILE",
    text: "properties file of Kafka clients, with the names of Java or librdkafka; options take precedence",
  },
  tls: { type: "flag", default: false, text: "encrypt the connections with TLS" },
  "tls.caCerts": {
    type: "texts",
    from: "file",
    value: "FILE",
    text: "PEM certificates of the authorities to trust, instead of Deno's list; implies TLS",
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
  "tls.passphrase": {
    type: "text",
    from: "file",
    value: "FILE",
    secret: true,
    text: "file with the passphrase of the private key; the variable holds the passphrase itself",
  },
  "tls.verifyHostname": {
    type: "flag",
    default: true,
    text: "refuse a certificate that is for another host",
  },
  "sasl.mechanism": {
    type: "choice",
    values: ["plain", "scram-sha-256", "scram-sha-512", "oauthbearer", "aws-msk-iam"],
    value: "NAME",
    text: "SASL mechanism for the login: plain, scram-sha-256, scram-sha-512, oauthbearer or aws-msk-iam",
  },
  "sasl.username": { type: "text", value: "NAME", text: "user name for the login" },
  "sasl.password": {
    type: "text",
    from: "file",
    secret: true,
    value: "FILE",
    text: "file with the password; the variable holds the password itself",
  },
  "sasl.tokenUrl": { type: "text", value: "URL", text: "oauthbearer: token endpoint of the OpenID provider" },
  "sasl.clientId": { type: "text", value: "NAME", text: "oauthbearer: client id at the OpenID provider" },
  "sasl.clientSecret": {
    type: "text",
    from: "file",
    secret: true,
    value: "FILE",
    text: "oauthbearer: file with the secret of the client; the variable holds the secret itself",
  },
  "sasl.scope": { type: "text", value: "TEXT", text: "oauthbearer: scope of the token" },
  "sasl.token": TOKEN,
  "sasl.region": {
    type: "text",
    value: "NAME",
    otherwise: "the variable AWS_REGION",
    text: "aws-msk-iam: region of the cluster",
  },
} as const satisfies OptionTable;

const ALL_OPTIONS = { ...TRANSPORT_OPTIONS, ...KAFKA_OPTIONS };

type Flat = SettingsOf<typeof ALL_OPTIONS>;

/** {@linkcode KafkaTransportOptions} with every default filled in. */
export interface KafkaSettings extends Omit<Flat, `${string}.${string}` | "tls" | "heartbeatMs"> {
  readonly heartbeatMs: number;
  readonly tls: TlsOptions | null;
  readonly login: Login | null;
}

/**
 * Checks the options of Kafka, and fills in the defaults.
 *
 * @throws {BusError} `invalid`.
 */
export function checkKafkaOptions(options: KafkaTransportOptions): KafkaSettings {
  const settings = checkBusOptions(ALL_OPTIONS, options);
  const { sessionTimeoutMs, heartbeatMs = Math.min(1_000, Math.floor(sessionTimeoutMs / 5)) } = settings;
  checkInstance(settings.groupInstanceId);
  checkInteger("heartbeatMs", heartbeatMs, 10, Math.floor(sessionTimeoutMs / 3));
  return { ...settings, heartbeatMs, tls: tlsOf(settings), login: loginOf(settings) };
}

/** Brokers accept what could name a topic. */
function checkInstance(name: string | undefined): void {
  if (name === undefined || isTopicName(name)) return;
  const expected = "1 to 249 of the characters A-Z a-z 0-9 . _ -";
  throw new BusError("invalid", `groupInstanceId is ${JSON.stringify(name)}: expected ${expected}`);
}

function tlsOf(flat: Flat): TlsOptions | null {
  const { tls, "tls.verifyHostname": verifyHostname } = flat;
  const files = defined({
    caCerts: flat["tls.caCerts"],
    cert: flat["tls.cert"],
    key: flat["tls.key"],
    passphrase: flat["tls.passphrase"],
  });
  if (!tls && Object.keys(files).length === 0) return null;
  checkTls(files);
  return { ...files, verifyHostname };
}

/** The options that each kind of login needs, and those that it may have. */
const LOGINS: Readonly<Record<string, readonly [needed: readonly string[], optional: readonly string[]]>> = {
  password: [["username", "password"], []],
  oauthbearer: [["tokenUrl", "clientId", "clientSecret"], ["scope"]],
  token: [["token"], []],
  "aws-msk-iam": [[], ["region"]],
};

function loginOf(flat: Flat): Login | null {
  const prefix = "sasl.";
  const given = Object.fromEntries(
    Object.entries(flat).filter(([name, value]) => name.startsWith(prefix) && value !== undefined)
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
  if (Object.keys(given).length === 0) return null;
  const { mechanism, ...others } = given;
  if (mechanism === undefined) throw new BusError("invalid", "sasl needs mechanism too");
  const kind = mechanism === "oauthbearer" && "token" in others ? "token" : String(mechanism);
  const [needed, optional] = LOGINS[kind] ?? LOGINS["password"]!;
  const missing = needed.filter((name) => !(name in others));
  if (missing.length > 0) {
    throw new BusError("invalid", `sasl ${mechanism} needs ${missing.join(" and ")} too`);
  }
  const foreign = Object.keys(others).find((name) => !needed.includes(name) && !optional.includes(name));
  if (foreign) throw new BusError("invalid", `sasl.${foreign} has no effect with the mechanism ${mechanism}`);
  return prepareLogin(given as unknown as SaslOptions);
}
