/**
 * Runs one Apache Kafka broker (KRaft, broker and controller in one process) on this machine.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { installKafka } from "./kafka_install.ts";
import type { PasswordUser } from "./sasl_listener.ts";
import { ServerError } from "./server_error.ts";
import { freePort, ServerProcess } from "./server_process.ts";

/** How to start a broker. */
export interface KafkaBrokerOptions {
  /**
   * The port to listen on, on 127.0.0.1.
   *
   * @default {a free port}
   */
  readonly port?: number;
  /**
   * Directory of the topics; created and formatted if it does not exist.
   *
   * @default {a temporary directory that is removed by `stop`}
   */
  readonly dataDir?: string;
  /** Maximum size of Java's heap, in MiB. @default {512} */
  readonly heapMb?: number;
  /** Users with passwords that may log in by SCRAM, known from the first start on. */
  readonly scramUsers?: readonly PasswordUser[];
  /** Broker settings that replace or extend those of {@linkcode startKafka}. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
}

/** Sixteen bytes in base64; always the same, so that formatting twice is harmless. */
const CLUSTER_ID = btoa("imagebus-local-1").replace(/=+$/, "");

const START_TIMEOUT_MS = 90_000;
const HEAP_MB = 512;

/**
 * Starts a broker and waits until it accepts connections. Topics are not created automatically; groups have
 * no initial rebalance delay; session timeouts can be as short as one second.
 *
 * @param options Port, data and settings.
 * @throws {ServerError} `unavailable` without Java or Maven; `port_in_use`; `not_started` if the broker exits or does not
 *   accept connections within 90 seconds.
 *
 * @example
 * ```ts ignore
 * await using kafka = await startKafka();
 * console.log(kafka.brokers);
 * ```
 */
export async function startKafka(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const jars = await installKafka();
  const { port = freePort(), heapMb = HEAP_MB, config = {} } = options;
  expectFree(port);
  const dataDir = options.dataDir ?? await Deno.makeTempDir({ prefix: "imagebus-kafka-" });
  await Deno.mkdir(dataDir, { recursive: true });
  const settings = `${dataDir}/server.properties`;
  await Deno.writeTextFile(settings, properties(port, `${dataDir}/log`, config));
  await format(jars, settings, dataDir, options.scramUsers ?? []);
  const command = ["java", ...javaFlags(jars, heapMb), "kafka.Kafka", settings];
  const broker = new KafkaBroker(command, port, dataDir, options.dataDir === undefined);
  await broker.ready();
  return broker;
}

/**
 * {@linkcode startKafka} without options, where Java and Maven are installed.
 *
 * @param onMissing Receives what is missing.
 * @returns `null` if something is.
 */
export async function startKafkaIfInstalled(
  onMissing: (reason: string) => void,
): Promise<KafkaBroker | null> {
  try {
    return await startKafka();
  } catch (error) {
    if (!(error instanceof ServerError && error.code === "unavailable")) throw error;
    onMissing(error.message);
    return null;
  }
}

/** A running broker. */
export class KafkaBroker implements AsyncDisposable {
  /** `host:port`. */
  readonly brokers: string;
  /** The broker's standard output and standard error. */
  readonly logFile: string;
  /** Resolves with the exit code when its process has ended: 128 plus the signal if it was killed. */
  readonly ended: Promise<number>;
  readonly #process: ServerProcess;

  /** @param isTemporary Whether {@linkcode stop} removes the data. */
  constructor(
    command: readonly string[],
    readonly port: number,
    readonly dataDir: string,
    readonly isTemporary: boolean,
  ) {
    this.brokers = `127.0.0.1:${port}`;
    this.logFile = `${dataDir}/broker.log`;
    this.#process = new ServerProcess({ command, logFile: this.logFile });
    this.ended = this.#process.ended;
  }

  /** Resolves when it accepts connections. */
  async ready(): Promise<void> {
    await this.#process.ready(`Kafka on ${this.brokers}`, () => accepts(this.port), START_TIMEOUT_MS);
  }

  /** Runs one of Kafka's own commands on it. */
  async run(command: string, ...args: readonly string[]): Promise<void> {
    const jars = await installKafka();
    const { success, stdout, stderr } = await new Deno.Command("java", {
      args: [...javaFlags(jars, 128), command, "--bootstrap-server", this.brokers, ...args],
    }).output();
    if (success) return;
    const decoder = new TextDecoder();
    throw new Error(`${command}: ${decoder.decode(stdout)}${decoder.decode(stderr)}`);
  }

  /** Shuts it down gracefully. May be called more than once. */
  async stop(): Promise<void> {
    await this.#process.stop();
    if (this.isTemporary) await Deno.remove(this.dataDir, { recursive: true }).catch(() => {});
  }

  /** Ends its process immediately (SIGKILL). The data are kept. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

function javaFlags(jars: string, heapMb = HEAP_MB): string[] {
  return [
    ...["-Xms128m", `-Xmx${heapMb}m`, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
    ...["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", `${jars}/*`],
  ];
}

function properties(port: number, logDir: string, config: NonNullable<KafkaBrokerOptions["config"]>): string {
  const controllerPort = freePort();
  const settings = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    "listeners": `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": logDir,
    // A killed broker cannot register again before its session has expired.
    "broker.session.timeout.ms": 2_000,
    "broker.heartbeat.interval.ms": 500,
    "auto.create.topics.enable": false,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    "log.cleaner.dedupe.buffer.size": 16_777_216,
    ...config,
  };
  return Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join("");
}

async function format(
  jars: string,
  settings: string,
  dataDir: string,
  users: readonly PasswordUser[],
): Promise<void> {
  const formatted = `${dataDir}/formatted`;
  if (existsSync(formatted)) return;
  const { success, stdout, stderr } = await new Deno.Command("java", {
    args: [
      ...javaFlags(jars),
      "kafka.tools.StorageTool",
      "format",
      ...["-t", CLUSTER_ID, "-c", settings, "--ignore-formatted"],
      ...users.flatMap(scramCredentials),
    ],
    stdin: "null",
  }).output();
  if (success) return await Deno.writeTextFile(formatted, "");
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  throw new Error(`Cannot format Kafka's storage: ${output.trim().slice(0, 1000)}`);
}

function scramCredentials({ username, password }: PasswordUser): string[] {
  return ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=${username},iterations=4096,password=${password}]`,
  ]);
}

/** @throws {ServerError} `port_in_use` */
function expectFree(port: number): void {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    const message =
      `Cannot start Kafka: port ${port} is in use; stop what listens there or choose another port`;
    throw new ServerError("port_in_use", message, { cause });
  }
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
