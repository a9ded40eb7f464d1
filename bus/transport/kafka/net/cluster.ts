import { BusError } from "../../errors.ts";
import type { TransportEvent } from "../../transport.ts";
import { type Address, BrokerConnection, type ConnectionSettings, format } from "./connection.ts";
import {
  BrokerFault,
  CODE,
  ConnectionFault,
  expectSuccess,
  isRetriable,
  toBusError,
} from "../wire/faults.ts";
import { Backoff } from "../../../../lib/backoff.ts";
import { loadProtocol, type Protocol } from "../wire/protocol.ts";
import { type Api, COORDINATOR, type Requests, type TopicMetadata } from "../wire/requests.ts";

/** How to reach a cluster. */
export interface ClusterSettings extends ConnectionSettings {
  /** Where to ask for the brokers first. */
  readonly seeds: readonly Address[];
  /** How long a broker may take to answer. */
  readonly requestTimeoutMs: number;
  readonly emit: (event: TransportEvent) => void;
}

/** How long {@linkcode Cluster.attempt} goes on. */
export interface AttemptOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const ADMIN = "admin";
const METADATA_MAX_AGE_MS = 300_000;
/** Where any broker will do, a dead connection must not be waited for as long as elsewhere. */
const ANY_TIMEOUT_MS = 5_000;
/** So long, on average, at most between two attempts when no broker answers: all of its clients wait for it at once. */
const MAX_RECONNECT_BACKOFF_MS = 4_000;

/**
 * The brokers, who leads which partition, and connections to them.
 *
 * Whoever meets a fault that waiting can recover calls {@linkcode Cluster.recover}: one recovery serves all, reports the
 * connection's state, and resolves when the brokers answer again.
 */
export class Cluster {
  /** Encoders and decoders. */
  readonly protocol: Protocol;
  readonly #settings: ClusterSettings;
  readonly #closed = new AbortController();
  readonly #connections = new Map<string, Promise<BrokerConnection>>();
  readonly #topics = new Set<string>();
  #nodes: ReadonlyMap<number, Address> = new Map();
  #controller = -1;
  #leaders: ReadonlyMap<string, readonly number[]> = new Map();
  #loadedAt = 0;
  #loading: Promise<void> | undefined;
  #nextLoading: Promise<void> | undefined;
  #recovery: Promise<void> | undefined;
  #unavailable: string | null = "it was not reached yet";

  private constructor(protocol: Protocol, settings: ClusterSettings) {
    this.protocol = protocol;
    this.#settings = settings;
  }

  /**
   * Connects.
   *
   * @throws {BusError} `unavailable` when no seed answers in time; `denied`.
   */
  static async open(settings: ClusterSettings): Promise<Cluster> {
    const cluster = new Cluster(await loadProtocol(), settings);
    try {
      await cluster.refresh();
      cluster.#tell(null);
      return cluster;
    } catch (error) {
      cluster.close();
      throw toBusError(error, "Kafka can't be reached");
    }
  }

  /** Aborted when the cluster is closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** The seeds, for messages. */
  get name(): string {
    return this.#settings.seeds.map(format).join(",");
  }

  /** Why no broker can be reached; `null` while one can. */
  get unavailable(): string | null {
    return this.#unavailable;
  }

  /** How long a broker may usually take to answer. */
  get requestTimeoutMs(): number {
    return this.#settings.requestTimeoutMs;
  }

  /**
   * How many partitions a topic has.
   *
   * @returns 0 when the topic is not known (yet).
   */
  partitions(topic: string): number {
    if (Date.now() - this.#loadedAt > METADATA_MAX_AGE_MS && !this.#loading) this.refresh().catch(() => {});
    return this.#leaders.get(topic)?.length ?? 0;
  }

  /** The broker that leads a partition; `undefined` when there is none at the moment. */
  leader(topic: string, partition: number): number | undefined {
    const leader = this.#leaders.get(topic)?.[partition] ?? -1;
    return this.#nodes.has(leader) ? leader : undefined;
  }

  /** Makes {@linkcode Cluster.refresh} ask for these topics too. */
  watch(topics: Iterable<string>): void {
    for (const topic of topics) this.#topics.add(topic);
  }

  /** Forgets a topic: it is gone. */
  forget(topic: string): void {
    this.#topics.delete(topic);
    this.#leaders = new Map([...this.#leaders].filter(([name]) => name !== topic));
  }

  /** Asks for the brokers and the watched topics anew. Calls during one refresh share the next. */
  refresh(): Promise<void> {
    return this.#nextLoading ??= (async () => {
      await this.#loading?.catch(() => {});
      this.#loading = this.#nextLoading;
      this.#nextLoading = undefined;
      try {
        await this.#load();
      } finally {
        this.#loading = undefined;
      }
    })();
  }

  async #load(): Promise<void> {
    this.#learn((await this.#metadata([...this.#topics])).topicMetadata);
    this.#loadedAt = Date.now();
  }

  /**
   * Asks for the brokers and all topics. What is learned of topics that are not watched lasts until the next refresh.
   *
   * @returns The topics.
   */
  async refreshAll(): Promise<readonly TopicMetadata[]> {
    const { topicMetadata } = await this.#metadata(null);
    this.#learn(topicMetadata);
    return topicMetadata;
  }

  #learn(topics: readonly TopicMetadata[]): void {
    this.#leaders = new Map(topics.filter(({ topicErrorCode }) => topicErrorCode === 0).map(leadersOf));
  }

  /** Asks any broker; `null` for all topics. */
  async #metadata(topics: readonly string[] | null): Promise<Requests["Metadata"][1]> {
    // For kafkajs an empty list means all topics; a name that can't exist asks for none.
    const asked = topics === null ? [] : topics.length > 0 ? topics : ["."];
    const answer = await this.#askAny("Metadata", { topics: asked, allowAutoTopicCreation: false });
    this.#nodes = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    this.#controller = answer.controllerId;
    return answer;
  }

  /** Asks what every broker knows: one after the other, until one answers. */
  async #askAny<A extends Api>(api: A, payload: Requests[A][0]): Promise<Requests[A][1]> {
    const faults: unknown[] = [];
    for (const address of this.#candidates()) {
      try {
        const connection = await this.#connection(address, ADMIN);
        return await connection.request(api, payload, ANY_TIMEOUT_MS);
      } catch (error) {
        if (!isRetriable(error)) throw error;
        faults.push(error);
      }
    }
    throw new ConnectionFault(faults.map((fault) => (fault as Error).message).join("; "), {
      cause: faults[0],
    });
  }

  /** The brokers known, those with a connection first, then the seeds. */
  #candidates(): Address[] {
    const byName = new Map([...this.#nodes.values(), ...this.#settings.seeds].map((at) => [format(at), at]));
    const isOpen = (name: string) => this.#connections.has(`${name} ${ADMIN}`);
    return [...byName].sort(([a], [b]) => Number(isOpen(b)) - Number(isOpen(a))).map(([, address]) =>
      address
    );
  }

  /**
   * Asks one broker.
   *
   * @param node The broker's number.
   * @param purpose Requests of one purpose are answered in order; purposes do not wait for each other.
   * @param api What to ask.
   * @param payload With what.
   * @param timeoutMs How long the answer may take.
   */
  async request<A extends Api>(
    node: number,
    purpose: string,
    api: A,
    payload: Requests[A][0],
    timeoutMs = this.requestTimeoutMs,
  ): Promise<Requests[A][1]> {
    const address = this.#nodes.get(node);
    if (!address) throw new ConnectionFault(`Kafka's broker ${node} is not known at the moment`);
    const connection = await this.#connection(address, purpose);
    return await connection.request(api, payload, timeoutMs);
  }

  /** Asks the broker that may make topics. */
  requestController<A extends Api>(api: A, payload: Requests[A][0]): Promise<Requests[A][1]> {
    return this.request(this.#controller, "control", api, payload);
  }

  /** The broker that coordinates a group, or the transactions under an id. */
  async findCoordinator(groupId: string, of: keyof typeof COORDINATOR = "group"): Promise<number> {
    const answer = await this.#askAny("GroupCoordinator", { groupId, coordinatorType: COORDINATOR[of] });
    expectSuccess(answer.errorCode, `No coordinator for the ${of} "${groupId}"`);
    const { nodeId } = answer.coordinator;
    if (!this.#nodes.has(nodeId)) {
      throw new BrokerFault(CODE.COORDINATOR_NOT_AVAILABLE, `Broker ${nodeId} is unknown`);
    }
    return nodeId;
  }

  #connection(address: Address, purpose: string): Promise<BrokerConnection> {
    const key = `${format(address)} ${purpose}`;
    const existing = this.#connections.get(key);
    if (existing) return existing;
    const opening = this.#open(address);
    this.#connections.set(key, opening);
    const forget = () => {
      if (this.#connections.get(key) === opening) this.#connections.delete(key);
    };
    opening.then((connection) => connection.ended.then(forget), forget);
    return opening;
  }

  async #open(address: Address): Promise<BrokerConnection> {
    this.#expectOpen();
    const connection = await BrokerConnection.open(address, this.#settings, this.protocol);
    if (this.closed.aborted) connection.close(closedError());
    this.#expectOpen();
    // Without traffic, too, the loss of the bus is to be noticed.
    connection.ended.then((reason) => {
      if (isRetriable(reason)) this.recover().catch(() => {});
    });
    return connection;
  }

  /** Closes the connections of a purpose; requests under way are rejected as `closed`. */
  closeConnections(purpose: string): void {
    for (const [key, opening] of this.#connections) {
      if (!key.endsWith(` ${purpose}`)) continue;
      this.#connections.delete(key);
      opening.then((connection) => connection.close(closedError()), () => {});
    }
  }

  /**
   * Resolves when the brokers answer (again) and who leads what is known.
   *
   * @throws {BusError} `closed`, or what waiting does not recover.
   */
  recover(): Promise<void> {
    return this.#recovery ??= this.#recover().finally(() => this.#recovery = undefined);
  }

  async #recover(): Promise<void> {
    const backoff = new Backoff({ initialMs: 100, maxMs: MAX_RECONNECT_BACKOFF_MS });
    while (true) {
      this.#expectOpen();
      try {
        await this.refresh();
        this.#expectOpen();
        return this.#tell(null);
      } catch (error) {
        this.#expectOpen();
        if (!isRetriable(error)) throw toBusError(error, "Kafka can't be reached any more");
        this.#tell((error as Error).message);
      }
      await backoff.wait(this.closed);
    }
  }

  #tell(unavailable: string | null): void {
    const isChange = (this.#unavailable === null) !== (unavailable === null);
    this.#unavailable = unavailable;
    if (!isChange) return;
    this.#settings.emit(
      unavailable === null ? { type: "connected" } : { type: "disconnected", reason: unavailable },
    );
  }

  /**
   * Repeats an operation while waiting can recover its failure.
   *
   * @param what For the message: "The topics can't be listed".
   * @param operation The operation.
   * @param options When to give up.
   * @throws {BusError} `unavailable` after `timeoutMs`; what `operation` throws otherwise; the signal's reason.
   */
  async attempt<T>(
    what: string,
    operation: () => Promise<T>,
    { timeoutMs = this.requestTimeoutMs, signal }: AttemptOptions = {},
  ): Promise<T> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const over = AbortSignal.any([late.signal, this.closed, ...signal ? [signal] : []]);
    const backoff = new Backoff();
    let fault: unknown = new ConnectionFault(`not done by ${this.name} within ${timeoutMs} ms`);
    try {
      while (!over.aborted) {
        try {
          return await unless(over, operation());
        } catch (error) {
          if (over.aborted) break;
          if (!isRetriable(error)) throw toBusError(error, what);
          fault = error;
        }
        await backoff.wait(over);
        await unless(over, this.recover()).catch((error) => {
          if (!over.aborted) throw error;
        });
      }
    } finally {
      clearTimeout(timer);
    }
    this.#expectOpen();
    signal?.throwIfAborted();
    throw toBusError(fault, what);
  }

  #expectOpen(): void {
    if (this.closed.aborted) throw closedError();
  }

  /** Closes every connection. */
  close(): void {
    if (this.closed.aborted) return;
    this.#closed.abort();
    for (const opening of this.#connections.values()) {
      opening.then((connection) => connection.close(closedError()), () => {});
    }
  }
}

/** What every call after `close` is rejected with. */
export function closedError(): BusError {
  return new BusError("closed", "The connection to Kafka was closed");
}

/** The promise, or a rejection as soon as the signal is aborted. */
async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(closedError());
  signal.addEventListener("abort", abort);
  promise.catch(() => {});
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function leadersOf({ topic, partitionMetadata }: TopicMetadata): [string, number[]] {
  const leaders: number[] = [];
  for (const { partitionId, leader } of partitionMetadata) leaders[partitionId] = leader;
  return [topic, leaders];
}
