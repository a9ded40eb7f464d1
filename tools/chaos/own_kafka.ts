import { sleep } from "../../lib/sleep.ts";
import { freePorts, type KafkaCluster, startKafkaCluster } from "../../testing/brokers/kafka_cluster.ts";
import type { ConnectOptions } from "../../bus/connect.ts";
import { requestTopic } from "../../bus/topics.ts";
import { MODEL } from "./images.ts";
import { Proxy } from "./proxy.ts";
import { Replicas } from "./replicas.ts";

/**
 * A Kafka whose brokers are behind proxies: they advertise the proxies' addresses to clients and to each
 * other, so that all connections can be cut. Brokers are selected by an index, modulo their number.
 */
export class OwnKafka implements AsyncDisposable {
  readonly url: string;
  readonly options: ConnectOptions = {};
  readonly brokers: this = this;
  readonly #cluster: KafkaCluster;
  readonly #proxies: readonly Proxy[];
  readonly #replicas: Replicas;

  private constructor(cluster: KafkaCluster, proxies: readonly Proxy[]) {
    this.#cluster = cluster;
    this.#proxies = proxies;
    this.url = `kafka://${proxies.map(({ port }) => `127.0.0.1:${port}`).join()}`;
    this.#replicas = new Replicas(proxies.map(({ port }) => `127.0.0.1:${port}`));
  }

  /**
   * Starts it.
   *
   * @param dataDir Directory of the brokers' data.
   * @param brokers Number of brokers: one, or at least three.
   * @throws {ServerError} `unavailable` without Java or Maven.
   */
  static async start(dataDir: string, brokers: number): Promise<OwnKafka> {
    const ports = freePorts(brokers);
    const proxies = ports.map((port) => new Proxy(port));
    const advertisedPorts = proxies.map(({ port }) => port);
    return new OwnKafka(await startKafkaCluster({ ports, advertisedPorts, dataDir }), proxies);
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
