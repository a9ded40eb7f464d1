/**
 * Runs a cluster of Apache Kafka brokers on this machine, each of which is also a controller.
 *
 * @module
 */
import { type KafkaBroker, startKafka } from "./kafka_broker.ts";
import { installKafka } from "./kafka_install.ts";
import { saslListener, type SaslListenerOptions } from "./sasl_listener.ts";
import { freePort } from "./server_process.ts";

/** How to start a cluster. */
export interface KafkaClusterOptions {
  /** The port of each broker on 127.0.0.1: one port, or at least three. */
  readonly ports: readonly number[];
  /** Directory of the topics, with a folder per broker if there are several; created if it does not exist. */
  readonly dataDir: string;
  /**
   * The ports that the brokers advertise to clients and to each other, instead of `ports`.
   *
   * @default {ports}
   */
  readonly advertisedPorts?: readonly number[];
  /** With it, clients and other brokers use TLS and log in. */
  readonly security?: SaslListenerOptions;
  /** Settings of all brokers that replace or extend the others. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
  /** The rack of each broker; clients may then read from replicas in their rack. @default {no racks} */
  readonly racks?: readonly string[];
}

const RACK_AWARE = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
/** Heap of each broker if there are several. */
const HEAP_MB = 256;
const REPLICAS = 3;
const MIN_IN_SYNC = 2;

/** Of every topic, including those of groups and transactions. */
const REPLICATION = {
  "default.replication.factor": REPLICAS,
  "min.insync.replicas": MIN_IN_SYNC,
  "offsets.topic.replication.factor": REPLICAS,
  "transaction.state.log.replication.factor": REPLICAS,
  "transaction.state.log.min.isr": MIN_IN_SYNC,
  "share.coordinator.state.topic.replication.factor": REPLICAS,
  "share.coordinator.state.topic.min.isr": MIN_IN_SYNC,
  // Kafka's own defaults: they decide how long the partitions of a dead leader are unavailable.
  "broker.session.timeout.ms": 9_000,
  "broker.heartbeat.interval.ms": 2_000,
};

/**
 * Starts a cluster and waits until each broker accepts connections. With three brokers or more, every topic
 * has three replicas unless it is created with another number, and what is written with `acks=all` is in at
 * least two of them.
 *
 * @param options Ports, data and settings.
 * @throws {ServerError} `unavailable` without Java or Maven; `port_in_use`; `not_started` if a broker does not start.
 * @throws {RangeError} For no port, and for two: two controllers have no quorum without each other.
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
    throw new RangeError(`Cannot start ${length} brokers: expected one, or at least ${REPLICAS}`);
  }
  // Once, before all brokers do it at the same time.
  await installKafka();
  await using started = new AsyncDisposableStack();
  const cluster = started.use(new KafkaCluster(options));
  // All at once: a broker accepts no connection before the controllers have a quorum.
  const starts = await Promise.allSettled(options.ports.map((_, index) => cluster.start(index)));
  for (const start of starts) if (start.status === "rejected") throw start.reason;
  started.move();
  return cluster;
}

/** A cluster; {@linkcode startKafkaCluster} starts its brokers. */
export class KafkaCluster implements AsyncDisposable {
  /** The brokers that were started last, running or not, in the order of the ports. */
  readonly brokers: KafkaBroker[] = [];
  readonly #options: KafkaClusterOptions;
  readonly #controllerPorts: readonly number[];

  constructor(options: KafkaClusterOptions) {
    this.#options = options;
    this.#controllerPorts = freePorts(options.ports.length);
  }

  /**
   * Starts a broker, or restarts it on its data after its process has ended.
   *
   * @param index Index in `brokers`.
   */
  async start(index: number): Promise<void> {
    const { ports, dataDir, security, config } = this.#options;
    const isAlone = ports.length === 1;
    this.brokers[index] = await startKafka({
      port: ports[index]!,
      dataDir: isAlone ? dataDir : `${dataDir}/${index + 1}`,
      ...!isAlone && { heapMb: HEAP_MB },
      ...security && { scramUsers: security.users },
      config: {
        ...!isAlone && REPLICATION,
        ...this.#place(index),
        ...security && saslListener(security),
        ...config,
      },
    });
  }

  #place(index: number): Record<string, string | number> {
    const { ports, advertisedPorts = ports, security, racks } = this.#options;
    const listener = security ? "SASL_SSL" : "PLAINTEXT";
    const at = (name: string, port: number) => `${name}://127.0.0.1:${port}`;
    const controllers = this.#controllerPorts.map((port, i) => `${i + 1}@127.0.0.1:${port}`);
    return {
      "node.id": index + 1,
      "controller.quorum.voters": controllers.join(),
      "listeners": [at(listener, ports[index]!), at("CONTROLLER", this.#controllerPorts[index]!)].join(),
      "advertised.listeners": at(listener, advertisedPorts[index]!),
      "inter.broker.listener.name": listener,
      "listener.security.protocol.map": `CONTROLLER:PLAINTEXT,${listener}:${listener}`,
      ...racks && { "broker.rack": racks[index]!, "replica.selector.class": RACK_AWARE },
    };
  }

  /** Shuts all brokers down gracefully. The data are kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker?.stop()));
  }
}

/** Different free ports of 127.0.0.1. */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(freePort());
  return [...ports];
}
