import { sleep } from "../../lib/sleep.ts";
import { freePorts, type KafkaCluster, startKafkaCluster } from "../../testing/brokers/kafka_cluster.ts";
import type { Brokers, ChaosBus } from "./brokers.ts";
import { requestTopic } from "../../bus/topics.ts";
import { MODEL } from "./images.ts";
import { Proxy } from "./proxy.ts";
import { Replicas } from "./replicas.ts";

/**
 * A Kafka whose brokers are behind proxies: they tell clients and each other the proxies' addresses, so that all connections
 * can be cut.
 */
export class OwnKafka implements ChaosBus, Brokers {
  readonly url: string;
  readonly brokers: Brokers = this;
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
   * @param dataDir Where the brokers keep their data.
   * @param brokers How many: one, or at least three.
   * @throws {KafkaUnavailable} Without Java or Maven.
   */
  static async start(dataDir: string, brokers: number): Promise<OwnKafka> {
    const ports = freePorts(brokers);
    const proxies = ports.map((port) => new Proxy(port));
    const advertisedPorts = proxies.map(({ port }) => port);
    return new OwnKafka(await startKafkaCluster({ ports, advertisedPorts, dataDir }), proxies);
  }

  async restart(which: number, how: "stop" | "kill", awayMs: number): Promise<void> {
    const index = which % this.#proxies.length;
    await this.#cluster.brokers[index]![how]();
    await sleep(awayMs);
    await this.#cluster.start(index);
    // Before that, the end of a second broker could leave fewer than the replicas that every write needs.
    if (this.#proxies.length > 1) await this.#replicas.untilInSync();
  }

  async restartLeader(partition: number, how: "stop" | "kill", awayMs: number): Promise<void> {
    const node = await this.#replicas.leader(requestTopic(MODEL), partition);
    // The brokers are numbered from 1.
    await this.restart(node - 1, how, awayMs);
  }

  async cut(which: number, ms: number): Promise<void> {
    await this.#proxies[which % this.#proxies.length]!.cut(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster.stop();
    await Promise.all(this.#proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }
}
