/**
 * Runs a cluster of Apache Kafka brokers on this machine, each of them a controller too.
 *
 * @module
 */
import { type KafkaBroker, startKafka } from "./kafka_broker.ts";
import { installKafka } from "./kafka_install.ts";
import { freePort } from "./server_process.ts";

/** How to start a cluster. */
export interface KafkaClusterOptions {
  /** The ports to listen on, on 127.0.0.1: as many as there shall be brokers, one or at least three. */
  readonly ports: readonly number[];
  /** Where the topics are kept: of several brokers, each has a folder in it. It is made when it does not exist. */
  readonly dataDir: string;
  /**
   * The ports that clients and the other brokers are told to connect to, instead of `ports`.
   *
   * @default {ports}
   */
  readonly advertisedPorts?: readonly number[];
  /** Settings of all brokers that replace or add to those of {@linkcode startKafkaCluster}. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
}

/** A running cluster. */
export interface KafkaCluster extends AsyncDisposable {
  /** Those that were started last, whether they still run or not, in the order of the ports. */
  readonly brokers: readonly KafkaBroker[];
  /**
   * Starts a broker again on its data, when its process has ended.
   *
   * @param index Its place among the brokers.
   */
  start(index: number): Promise<void>;
  /** Shuts all down in order. The data stay. */
  stop(): Promise<void>;
}

/** Of each of several. */
const HEAP_MB = 256;
const REPLICAS = 3;
const MIN_IN_SYNC = 2;

/** Of every topic, those of groups and transactions too. */
const REPLICATION = {
  "default.replication.factor": REPLICAS,
  "min.insync.replicas": MIN_IN_SYNC,
  "offsets.topic.replication.factor": REPLICAS,
  "transaction.state.log.replication.factor": REPLICAS,
  "transaction.state.log.min.isr": MIN_IN_SYNC,
  "share.coordinator.state.topic.replication.factor": REPLICAS,
  "share.coordinator.state.topic.min.isr": MIN_IN_SYNC,
  // Kafka's own defaults: how long a broker that is dead goes on leading decides how long its partitions stand still.
  "broker.session.timeout.ms": 9_000,
  "broker.heartbeat.interval.ms": 2_000,
};

/**
 * Starts a cluster and waits until each broker accepts connections. Of three brokers and more, every topic has three replicas
 * unless it is made with another number, and what is written with all acknowledgements is in two of them.
 *
 * @param options Ports, data and settings.
 * @returns The cluster.
 * @throws {KafkaUnavailable} Without Java or Maven.
 * @throws {Deno.errors.AddrInUse} When a port is taken.
 * @throws {RangeError} For no port, and for two: without either of two controllers the other one can't go on.
 *
 * @example
 * ```ts ignore
 * await using cluster = await startKafkaCluster({ ports: [9092, 9093, 9094], dataDir: "/tmp/cluster" });
 * console.log(cluster.brokers.map(({ brokers }) => brokers).join());
 * ```
 */
export async function startKafkaCluster(options: KafkaClusterOptions): Promise<KafkaCluster> {
  const { length } = options.ports;
  if (length !== 1 && length < REPLICAS) {
    throw new RangeError(`A cluster has one broker, or at least ${REPLICAS}: not ${length}`);
  }
  // Once, before all of them do it.
  await installKafka();
  const cluster = new LocalCluster(options);
  try {
    await cluster.startAll();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class LocalCluster implements KafkaCluster {
  readonly brokers: KafkaBroker[] = [];
  readonly #options: KafkaClusterOptions;
  readonly #controllerPorts: readonly number[];

  constructor(options: KafkaClusterOptions) {
    this.#options = options;
    this.#controllerPorts = freePorts(options.ports.length);
  }

  /** At the same time: a broker accepts no connection before most of the controllers are there. */
  async startAll(): Promise<void> {
    const starts = await Promise.allSettled(this.#options.ports.map((_, index) => this.start(index)));
    for (const start of starts) if (start.status === "rejected") throw start.reason;
  }

  async start(index: number): Promise<void> {
    const { ports, dataDir, config } = this.#options;
    this.brokers[index] = await startKafka({
      port: ports[index]!,
      dataDir: ports.length > 1 ? `${dataDir}/${index + 1}` : dataDir,
      ...ports.length > 1 && { heapMb: HEAP_MB },
      config: { ...ports.length > 1 && REPLICATION, ...this.#place(index), ...config },
    });
  }

  #place(index: number): Record<string, string | number> {
    const { ports, advertisedPorts = ports } = this.#options;
    const at = (name: string, port: number) => `${name}://127.0.0.1:${port}`;
    const controllers = this.#controllerPorts.map((port, i) => `${i + 1}@127.0.0.1:${port}`);
    return {
      "node.id": index + 1,
      "controller.quorum.voters": controllers.join(),
      "listeners": [at("PLAINTEXT", ports[index]!), at("CONTROLLER", this.#controllerPorts[index]!)].join(),
      "advertised.listeners": at("PLAINTEXT", advertisedPorts[index]!),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker?.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Different ports of 127.0.0.1 that nobody listens on.
 *
 * @param count How many.
 */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(freePort());
  return [...ports];
}
