/**
 * Apache Kafka as the bus. Its guarantees are those of `bus/transport/transport.ts`.
 *
 * @module
 */
import { BusError } from "../errors.ts";
import { type AttemptOptions, closedError, Cluster } from "./net/cluster.ts";
import type { TlsOptions } from "./net/socket.ts";
import { readKafkaConfig } from "./config_file.ts";
import { checkKafkaOptions, type KafkaSettings, type KafkaTransportOptions } from "./options.ts";
import { fixStart } from "./consumer/group_start.ts";
import { Producer } from "./producer/producer.ts";
import type { AwsLogin, OauthLogin, PasswordLogin, SaslOptions } from "./net/login.ts";
import { KafkaSubscription } from "./consumer/subscription.ts";
import {
  describeTopics,
  ensureTopics,
  expectUncompacted,
  listOffsets,
  nameOf,
  partitionsOf,
  type TopicPosition,
} from "./topics.ts";
import { removeBefore } from "./remove_before.ts";
import { Transactions } from "./transactions/transactions.ts";
import { parseBroker } from "./net/url.ts";
import type {
  OutgoingMessage,
  SubscribeOptions,
  Subscription,
  TopicInfo,
  Transport,
  WantedTopics,
} from "../transport.ts";
import {
  checkMessages,
  checkPositions,
  checkSubscribeOptions,
  checkTopic,
  checkTopics,
  type SubscribeSettings,
} from "../validate.ts";

export { parseKafkaUrl } from "./net/url.ts";
export type { Compression } from "./wire/codecs.ts";
export type { AwsLogin, KafkaTransportOptions, OauthLogin, PasswordLogin, SaslOptions, TlsOptions };

/** Half the time of what is attempted. Large answers and the storing of messages have times of their own. */
const REQUEST_TIMEOUT_MS = 15_000;
/** Balancers drop idle connections without notice, after 4 minutes on Azure; brokers close them after 10. */
const MAX_IDLE_MS = 120_000;
const CLOSE_TIMEOUT_MS = 30_000;
/** Brokers look for expired transactions every 10 s, and by default allow a timeout of at most 15 minutes. */
const MIN_TRANSACTION_MS = 10_000;
const MAX_TRANSACTION_MS = 900_000;

/**
 * Connects to Kafka.
 *
 * @param brokers Some of the brokers as `host:port` (default port: 9092); they know the others.
 * @param options Limits and timeouts; TLS and login.
 * @returns The transport, connected.
 * @throws {BusError} `unavailable` if no broker answers within `connectTimeoutMs`; `denied`; `invalid`.
 *
 * @example
 * ```ts ignore
 * import { openKafkaTransport } from "./open.ts";
 * await using transport = await openKafkaTransport(["localhost:9092"]);
 * await transport.send("imagebus.mnist", [{ key: "1", value: new Uint8Array([1, 2, 3]) }]);
 * ```
 */
export async function openKafkaTransport(
  brokers: readonly string[],
  options: KafkaTransportOptions = {},
): Promise<Transport> {
  const config = await readKafkaConfig(options.config ?? "");
  const settings = checkKafkaOptions(merged(config.options, options));
  const seeds = (brokers.length > 0 ? brokers : config.brokers).map((broker) =>
    parseBroker(broker) ?? invalidBroker(broker)
  );
  if (seeds.length === 0) {
    throw new BusError("invalid", "No broker: expected kafka://HOST:PORT, or bootstrap.servers in config");
  }
  const times = { requestTimeoutMs: REQUEST_TIMEOUT_MS, maxIdleMs: MAX_IDLE_MS };
  const cluster = await Cluster.open({ ...settings, ...times, seeds });
  return new KafkaTransport(cluster, settings);
}

/** Options beside a configuration file take precedence over it, field by field. */
function merged(config: KafkaTransportOptions, options: KafkaTransportOptions): KafkaTransportOptions {
  const object = (value: unknown) => typeof value === "object" && value !== null ? value : {};
  const [tls, sasl] = [{ ...object(config.tls), ...object(options.tls) }, {
    ...config.sasl,
    ...options.sasl,
  }];
  return {
    ...config,
    ...options,
    ...Object.keys(tls).length > 0 ? { tls } : { tls: Boolean(options.tls ?? config.tls) },
    ...Object.keys(sasl).length > 0 && { sasl: sasl as SaslOptions },
  };
}

function invalidBroker(broker: string): never {
  throw new BusError("invalid", `Invalid broker ${JSON.stringify(broker)}: expected HOST:PORT`);
}

/** Where a subscription starts, and where it ends, by partition. */
interface Range {
  readonly positions: readonly TopicPosition[];
  readonly ends?: ReadonlyMap<string, number>;
}

class KafkaTransport implements Transport {
  readonly url: string;
  readonly maxMessageBytes: number;
  readonly #cluster: Cluster;
  readonly #settings: KafkaSettings;
  readonly #producer: Producer;
  readonly #subscriptions = new Set<KafkaSubscription>();
  #subscribed = 0;
  #closing: Promise<void> | undefined;

  constructor(cluster: Cluster, settings: KafkaSettings) {
    this.url = `kafka${settings.tls ? "+ssl" : ""}://${cluster.name}`;
    this.maxMessageBytes = settings.maxMessageBytes;
    this.#cluster = cluster;
    this.#settings = settings;
    const { sendTimeoutMs, idempotence, compression } = settings;
    this.#producer = new Producer(cluster, {
      sendTimeoutMs,
      idempotence,
      compression,
      ensure: (topic) => this.#ensure([topic], { timeoutMs: sendTimeoutMs }),
    });
  }

  get unavailable(): string | null {
    return this.#cluster.unavailable;
  }

  #ensure(topics: readonly string[], options?: AttemptOptions): Promise<void> {
    return ensureTopics(this.#cluster, topics, this.#settings, options);
  }

  #expectOpen(): void {
    if (this.#closing) throw closedError();
  }

  async send(
    topic: string,
    messages: readonly OutgoingMessage[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    this.#expectOpen();
    signal?.throwIfAborted();
    checkTopic(topic);
    checkMessages(messages, this.maxMessageBytes);
    await this.#producer.send(topic, messages, signal);
  }

  async subscribe(topics: readonly string[], options: SubscribeOptions = {}): Promise<Subscription> {
    this.#expectOpen();
    const { signal } = options;
    signal?.throwIfAborted();
    const names = checkTopics(topics);
    const settings = checkSubscribeOptions(options);
    await this.#ensure(names, { signal });
    if (settings.group !== null) await expectUncompacted(this.#cluster, names);
    const look = () => this.#findRange(names, settings);
    const range = await this.#cluster.attempt(`Cannot read the topics ${names.join(", ")}`, look, { signal });
    signal?.throwIfAborted();
    this.#expectOpen();
    return this.#start(names, settings, range);
  }

  /** Determines where to start and to end. For a group that starts at the end, the ends are committed. */
  async #findRange(topics: readonly string[], { group, from, until }: SubscribeSettings): Promise<Range> {
    if (group !== null && from === "start") return { positions: [] };
    const partitions = partitionsOf(this.#cluster, topics);
    const positions = await listOffsets(this.#cluster, partitions, from === "end" ? "stable" : from);
    if (group !== null) await fixStart(this.#cluster, group, positions);
    if (until === null) return { positions };
    const ends = await listOffsets(this.#cluster, partitions, until);
    return { positions, ends: new Map(ends.map((end) => [nameOf(end), end.offset])) };
  }

  #start(
    topics: readonly string[],
    settings: SubscribeSettings,
    { positions, ends }: Range,
  ): KafkaSubscription {
    const { group, delivery } = settings;
    const purpose = `subscription ${++this.#subscribed}`;
    const subscription = new KafkaSubscription(this.#cluster, {
      ...this.#settings,
      ...settings,
      purpose,
      transactions: delivery === "exactly-once" ? this.#transactions(group!, purpose) : null,
      onClosed: () => this.#subscriptions.delete(subscription),
    });
    this.#subscriptions.add(subscription);
    if (group !== null) subscription.join(group, topics, positions);
    else {
      subscription.claimAll(positions, ends);
      if (!ends) subscription.followGrowth(topics);
    }
    return subscription;
  }

  #transactions(group: string, purpose: string): Transactions {
    const timeoutMs = 2 * this.#settings.sessionTimeoutMs;
    return new Transactions(this.#cluster, {
      group,
      purpose,
      compression: this.#settings.compression,
      timeoutMs: Math.min(MAX_TRANSACTION_MS, Math.max(MIN_TRANSACTION_MS, timeoutMs)),
      ensure: (topic) => this.#ensure([topic]),
    });
  }

  async ensureTopics(topics: readonly string[]): Promise<void> {
    this.#expectOpen();
    topics.forEach(checkTopic);
    await this.#ensure([...new Set(topics)]);
  }

  async topics(group?: string, wanted: WantedTopics = () => true): Promise<TopicInfo[]> {
    this.#expectOpen();
    return await describeTopics(this.#cluster, group, wanted);
  }

  async removeBefore(topic: string, before: ReadonlyMap<number, number>): Promise<void> {
    this.#expectOpen();
    checkTopic(topic);
    checkPositions(before);
    await removeBefore(this.#cluster, topic, before);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    await this.#producer.flush(CLOSE_TIMEOUT_MS);
    this.#producer.close();
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    this.#cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
