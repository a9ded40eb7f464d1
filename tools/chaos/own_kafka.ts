import { makeCertificates } from "../../testing/brokers/certificates.ts";
import { sleep } from "../../lib/sleep.ts";
import { freePorts, type KafkaCluster, startKafkaCluster } from "../../testing/brokers/kafka_cluster.ts";
import type { ConnectOptions } from "../../bus/connect.ts";
import { requestTopic } from "../../bus/topics.ts";
import { MODEL } from "./versions.ts";
import { Proxy } from "./proxy.ts";
import { Replicas } from "./replicas.ts";

const USER = { username: "chaos", password: "monkey" };

type Security = Awaited<ReturnType<typeof makeSecurity>>;

/** What the brokers, and what their clients need for TLS and SCRAM. */
async function makeSecurity(directory: string) {
  await Deno.mkdir(directory);
  const { broker, ca } = await makeCertificates(directory);
  return {
    listener: { certificate: broker, ca, users: [USER] },
    client: {
      tls: { caCerts: [await Deno.readTextFile(ca)] },
      sasl: { mechanism: "scram-sha-512", ...USER },
    },
  } as const;
}

/**
 * A Kafka whose brokers are behind proxies: they advertise the proxies' addresses to clients and to each
 * other, so that all connections can be cut. Brokers are selected by an index, modulo their number.
 */
export class OwnKafka implements AsyncDisposable {
  readonly url: string;
  readonly options: ConnectOptions;
  readonly brokers: this = this;
  readonly #cluster: KafkaCluster;
  readonly #proxies: readonly Proxy[];
  readonly #replicas: Replicas;

  private constructor(cluster: KafkaCluster, proxies: readonly Proxy[], client: Security["client"] | null) {
    this.#cluster = cluster;
    this.#proxies = proxies;
    const brokers = proxies.map(({ port }) => `127.0.0.1:${port}`);
    this.url = `kafka${client ? "+ssl" : ""}://${brokers}`;
    this.options = client ? { kafka: client } : {};
    const { tls, sasl } = client ?? {};
    this.#replicas = new Replicas({ brokers, ...tls && sasl && { ssl: { ca: [...tls.caCerts] }, sasl } });
  }

  /**
   * Starts it.
   *
   * @param dataDir Directory of the brokers' data.
   * @param brokers Number of brokers: one, or at least three.
   * @param secured Whether it has TLS, and clients and brokers log in.
   * @throws {ServerError} `unavailable` without Java or Maven.
   */
  static async start(dataDir: string, brokers: number, secured = false): Promise<OwnKafka> {
    const security = secured ? await makeSecurity(`${dataDir}-certificates`) : null;
    const ports = freePorts(brokers);
    const proxies = ports.map((port) => new Proxy(port));
    const advertisedPorts = proxies.map(({ port }) => port);
    const options = { ports, advertisedPorts, dataDir, ...security && { security: security.listener } };
    return new OwnKafka(await startKafkaCluster(options), proxies, security && security.client);
  }

  /**
   * Ends a broker, gracefully or not, and restarts it after `downMs` milliseconds. Resolves when all replicas
   * are in sync.
   */
  async restart(index: number, how: "stop" | "kill", downMs: number): Promise<void> {
    const place = index % this.#proxies.length;
    await this.#cluster.brokers[place]![how]();
    await sleep(downMs);
    await this.#cluster.start(place);
    // Until then, the end of a second broker could leave fewer replicas than min.insync.replicas.
    if (this.#proxies.length > 1) await this.#replicas.untilInSync();
  }

  /** The same with the leader of this partition of the requests' topic, modulo the number of partitions. */
  async restartLeader(partition: number, how: "stop" | "kill", downMs: number): Promise<void> {
    const node = await this.#replicas.leader(requestTopic(MODEL), partition);
    // Node ids begin with 1.
    await this.restart(node - 1, how, downMs);
  }

  /** Breaks all connections to a broker, which is unreachable for `ms` milliseconds. */
  async cut(index: number, ms: number): Promise<void> {
    await this.#proxies[index % this.#proxies.length]!.cut(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]();
    await Promise.all(this.#proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }
}
