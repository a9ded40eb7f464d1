import { BusError } from "../../errors.ts";
import type { TransportEvent } from "../../transport.ts";
import { BrokerConnection, type ConnectionSettings, format } from "./connection.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { Delays } from "./delays.ts";
import type { Address } from "./socket.ts";
import {
  BrokerFault,
  CODE,
  ConnectionFault,
  expectSuccess,
  isRetriable,
  toBusError,
} from "../wire/faults.ts";
import { abortable } from "../../../../lib/abortable.ts";
import { Backoff } from "../../../../lib/backoff.ts";
import { messageOf } from "../../../../lib/coded_error.ts";
import { Condition } from "../../../../lib/condition.ts";
import { loadProtocol, type Protocol } from "../wire/protocol.ts";
import { denialOf } from "../wire/denial.ts";
import { type Api, COORDINATOR, type Requests, type TopicMetadata } from "../wire/requests.ts";

/** How to reach a cluster. */
export interface ClusterSettings extends Omit<ConnectionSettings, "onThrottled"> {
  /** The addresses to try first. */
  readonly seeds: readonly Address[];
  /** How long to wait for a response, in milliseconds. */
  readonly requestTimeoutMs: number;
  readonly onEvent: ((event: TransportEvent) => void) | undefined;
}

/** How long {@linkcode Cluster.attempt} retries. */
export interface AttemptOptions {
  /** @default {30_000} */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** The name under which it is reported that it is retried for long. */
  readonly reportedAs?: string;
}

/** For {@linkcode AttemptOptions.timeoutMs}: only the signal, or closing the cluster, ends the attempts. */
export const FOREVER_MS = 2 ** 31 - 1;

/** Twice the time of a request, so that there is a second attempt. */
const ATTEMPT_TIMEOUT_MS = 30_000;
const ADMIN = "admin";
/** Between refreshes without another reason: partitions that were added are noticed by them. */
const METADATA_MAX_AGE_MS = 60_000;
/** A request that any broker can answer moves on to the next broker sooner. */
const ANY_TIMEOUT_MS = 5_000;
/** So many addresses are tried at once while no broker is known to answer. */
const CONCURRENT_CONTACTS = 5;
/** Mean of the longest pause while no broker answers: all of its clients wait at the same time. */
const MAX_RECONNECT_BACKOFF_MS = 4_000;

/**
 * The brokers, the leaders of partitions, and the connections.
 *
 * After a retriable fault, call {@linkcode Cluster.recover}: all callers share one recovery, which reports
 * the state of the connection, and resolves when the brokers answer again.
 */
export class Cluster {
  /** Encoders and decoders. */
  readonly protocol: Protocol;
  /** What is retried for long. */
  readonly delays: Delays;
  readonly #settings: ClusterSettings;
  readonly #closed = new AbortController();
  readonly #connections = new ConnectionPool((address) => this.#open(address), closedError);
  readonly #topics = new Set<string>();
  readonly #loaded = new Condition();
  /** The topics of which the last refresh learnt nothing. */
  #failed: ReadonlySet<string> = new Set();
  readonly #failing = new Backoff({ initialMs: 1_000, maxMs: METADATA_MAX_AGE_MS });
  #soon: ReturnType<typeof setTimeout> | undefined;
  readonly #refreshing: ReturnType<typeof setInterval>;
  #nodes: ReadonlyMap<number, Address> = new Map();
  #controller = -1;
  #leaders: ReadonlyMap<string, readonly number[]> = new Map();
  #loading: Promise<void> | undefined;
  #nextLoading: Promise<void> | undefined;
  #recovery: Promise<void> | undefined;
  /** The broker that answered last. */
  #answered = "";
  /** The broker whose metadata led to the last fault: it may have fallen behind, so others are preferred. */
  #doubted = "";
  #unavailable: string | null = "it has not been reached yet";

  private constructor(protocol: Protocol, settings: ClusterSettings) {
    this.protocol = protocol;
    this.#settings = settings;
    this.delays = new Delays((event) => settings.onEvent?.(event));
    this.#refreshing = setInterval(() => this.refresh().catch(() => {}), METADATA_MAX_AGE_MS);
    Deno.unrefTimer(this.#refreshing);
  }

  /**
   * Connects.
   *
   * @throws {BusError} `unavailable` if no broker answers in time; `denied`.
   */
  static async open(settings: ClusterSettings): Promise<Cluster> {
    const cluster = new Cluster(await loadProtocol(), settings);
    try {
      await cluster.refresh();
      cluster.#report(null);
      return cluster;
    } catch (error) {
      cluster.close();
      throw toBusError(error, "Cannot reach Kafka");
    }
  }

  /** Aborted when the cluster is closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** The seed addresses, for messages. */
  get name(): string {
    return this.#settings.seeds.map(format).join(",");
  }

  /** Why no broker can be reached; `null` while one can be. */
  get unavailable(): string | null {
    return this.#unavailable;
  }

  /** Default time limit of a request, in milliseconds. */
  get requestTimeoutMs(): number {
    return this.#settings.requestTimeoutMs;
  }

  /**
   * The number of partitions of a topic.
   *
   * @returns 0 if the topic is not watched, or not known (yet).
   */
  partitions(topic: string): number {
    return this.#leaders.get(topic)?.length ?? 0;
  }

  /** Id of the broker that leads a partition; `undefined` if there is none at the moment. */
  leader(topic: string, partition: number): number | undefined {
    const leader = this.#leaders.get(topic)?.[partition] ?? -1;
    return this.#nodes.has(leader) ? leader : undefined;
  }

  /** Whether a broker is known. */
  has(node: number): boolean {
    return this.#nodes.has(node);
  }

  /** Includes these topics in each {@linkcode Cluster.refresh}. */
  watch(topics: Iterable<string>): void {
    for (const topic of topics) this.#topics.add(topic);
  }

  /** Forgets a topic that was deleted. */
  forget(topic: string): void {
    this.#topics.delete(topic);
    this.#leaders = new Map([...this.#leaders].filter(([name]) => name !== topic));
  }

  /** Resolves at the end of the next {@linkcode Cluster.refresh} that succeeds. */
  loaded(): Promise<void> {
    return this.#loaded.wait();
  }

  /** Loads the metadata of the brokers and the watched topics. Calls during a refresh share the next one. */
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
    const { topicMetadata } = await this.#metadata([...this.#topics]);
    const before = this.#leaders;
    const failed = topicMetadata.filter(({ topicErrorCode }) => topicErrorCode !== 0).map(({ topic }) =>
      topic
    );
    // A broker may have fallen behind, or a leader is being elected: without its partitions a group would lose them.
    const kept = failed.filter((topic) => before.has(topic) && !this.#failed.has(topic));
    this.#leaders = new Map([
      ...topicMetadata.filter(({ topicErrorCode }) => topicErrorCode === 0).map(leadersOf),
      ...kept.map((topic) => [topic, before.get(topic)!] as const),
    ]);
    this.#failed = new Set(failed);
    if (failed.length > 0) this.#refreshSoon();
    else {
      clearTimeout(this.#soon);
      this.#failing.reset();
    }
    this.#loaded.notify();
  }

  /** A topic may be known again in a moment; if it was deleted, the pauses grow. */
  #refreshSoon(): void {
    if (this.closed.aborted) return;
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.refresh().catch(() => {}), this.#failing.next());
    Deno.unrefTimer(this.#soon);
  }

  /**
   * Loads the metadata of all topics. Only watched ones are known afterwards: the others would be forgotten at the next
   * refresh, while somebody relies on them.
   */
  async allTopics(): Promise<readonly TopicMetadata[]> {
    return (await this.#metadata(null)).topicMetadata;
  }

  /** Loads the metadata of topics that need not be watched. */
  async namedTopics(names: readonly string[]): Promise<readonly TopicMetadata[]> {
    return names.length === 0 ? [] : (await this.#metadata(names)).topicMetadata;
  }

  /** `null` for all topics. */
  async #metadata(topics: readonly string[] | null): Promise<Requests["Metadata"][1]> {
    // For kafkajs an empty list means all topics; an impossible name requests none.
    const asked = topics === null ? [] : topics.length > 0 ? topics : ["."];
    const answer = await this.#askAny("Metadata", { topics: asked, allowAutoTopicCreation: false });
    this.#nodes = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    this.#controller = answer.controllerId;
    return answer;
  }

  /**
   * Sends a request that every broker can answer: on the connections there are, one after another, until one answers; then
   * to the other addresses, several at once, since behind some there may be nothing, which shows only after a while.
   */
  async #askAny<A extends Api>(api: A, payload: Requests[A][0]): Promise<Requests[A][1]> {
    const faults: unknown[] = [];
    for (const some of this.#candidates()) {
      try {
        const connection = await this.#connections.first(some, ADMIN);
        const answer = await connection.request(api, payload, ANY_TIMEOUT_MS);
        this.#answered = connection.name;
        return answer;
      } catch (error) {
        const all = error instanceof AggregateError ? error.errors : [error];
        for (const one of all) if (!isRetriable(one)) throw one;
        faults.push(...all);
      }
    }
    throw new ConnectionFault(faults.map(messageOf).join("; "), { cause: faults[0] });
  }

  /** The addresses of known brokers and seeds, in the order in which they are tried; those of one list at once. */
  #candidates(): Address[][] {
    const byName = new Map([...this.#nodes.values(), ...this.#settings.seeds].map((at) => [format(at), at]));
    const doubted = byName.get(this.#doubted);
    byName.delete(this.#doubted);
    const { open = [], others = [] } = Object.groupBy(
      byName,
      ([, address]) => this.#connections.has(address, ADMIN) ? "open" : "others",
    );
    const unopened = others.map(([, address]) => address);
    return [
      ...open.map(([, address]) => [address]),
      ...Array.from(
        { length: Math.ceil(unopened.length / CONCURRENT_CONTACTS) },
        () => unopened.splice(0, CONCURRENT_CONTACTS),
      ),
      ...doubted ? [[doubted]] : [],
    ];
  }

  /**
   * Sends a request to a broker.
   *
   * @param node Id of the broker.
   * @param purpose Of the connection. A broker answers the requests of one connection in order, so those that
   * must not wait for each other need different purposes.
   * @param api The kind of request.
   * @param payload Its fields.
   * @param timeoutMs How long to wait for the response.
   * @throws {ConnectionFault} If the broker is not known, or the connection breaks.
   */
  async request<A extends Api>(
    node: number,
    purpose: string,
    api: A,
    payload: Requests[A][0],
    timeoutMs = this.requestTimeoutMs,
  ): Promise<Requests[A][1]> {
    const address = this.#nodes.get(node);
    if (!address) throw new ConnectionFault(`broker ${node} is not known at the moment`);
    const connection = await this.#connections.get(address, purpose);
    return await connection.request(api, payload, timeoutMs);
  }

  /** Sends a request to the controller, which creates topics. */
  requestController<A extends Api>(api: A, payload: Requests[A][0]): Promise<Requests[A][1]> {
    return this.request(this.#controller, "control", api, payload);
  }

  /** Finds the broker that coordinates a group, or a transactional id. */
  async findCoordinator(groupId: string, of: keyof typeof COORDINATOR = "group"): Promise<number> {
    const answer = await this.#askAny("GroupCoordinator", { groupId, coordinatorType: COORDINATOR[of] });
    const denial = denialOf(answer.errorCode, "GroupCoordinator", {
      [of === "group" ? "group" : "transactionalId"]: groupId,
    });
    expectSuccess(answer.errorCode, `The coordinator of the ${of} "${groupId}"`, denial);
    const { nodeId } = answer.coordinator;
    if (!this.#nodes.has(nodeId)) {
      const about = `The coordinator ${nodeId} of the ${of} "${groupId}"`;
      throw new BrokerFault(CODE.COORDINATOR_NOT_AVAILABLE, about);
    }
    return nodeId;
  }

  async #open(address: Address): Promise<BrokerConnection> {
    this.#expectOpen();
    const connection = await BrokerConnection.open(address, {
      ...this.#settings,
      onThrottled: (api, ms) => this.#throttled(api, address, ms),
    }, this.protocol);
    if (this.closed.aborted) connection.close(closedError());
    this.#expectOpen();
    // An outage is noticed even without traffic.
    connection.ended.then((reason) => {
      if (!isRetriable(reason)) return;
      this.#connections.closeIdle(address);
      this.recover().catch(() => {});
    });
    return connection;
  }

  #throttled(api: Api, address: Address, ms: number): void {
    const what = `${api} at ${format(address)}`;
    this.delays.slowed(what, `${what} has to wait ${ms} ms: a quota of this client is exceeded`, ms);
  }

  /** Closes the connections for a purpose; pending requests are rejected as `closed`. */
  closeConnections(purpose: string): void {
    this.#connections.close(purpose);
  }

  /**
   * Resolves once a broker answers and the metadata is loaded.
   *
   * @throws {BusError} `closed`, or an error that is not retriable.
   */
  recover(): Promise<void> {
    return this.#recovery ??= this.#recover().finally(() => this.#recovery = undefined);
  }

  async #recover(): Promise<void> {
    const backoff = new Backoff({ initialMs: 100, maxMs: MAX_RECONNECT_BACKOFF_MS });
    this.#doubted = this.#answered;
    while (true) {
      this.#expectOpen();
      try {
        await this.refresh();
        this.#expectOpen();
        return this.#report(null);
      } catch (error) {
        this.#expectOpen();
        if (!isRetriable(error)) throw toBusError(error, "Cannot reach Kafka any more");
        this.#report(messageOf(error));
      }
      await backoff.wait(this.closed);
    }
  }

  #report(unavailable: string | null): void {
    const isChange = (this.#unavailable === null) !== (unavailable === null);
    this.#unavailable = unavailable;
    if (!isChange) return;
    this.#settings.onEvent?.(
      unavailable === null ? { type: "connected" } : { type: "disconnected", reason: unavailable },
    );
  }

  /**
   * Runs an operation, and repeats it after a recovery while its faults are retriable.
   *
   * @param what Start of the error message: "Cannot list the topics".
   * @param operation The operation.
   * @param options When to give up.
   * @throws {BusError} `unavailable` after `timeoutMs`; a fault that is not retriable; the signal's reason.
   */
  async attempt<T>(
    what: string,
    operation: () => Promise<T>,
    { timeoutMs = ATTEMPT_TIMEOUT_MS, signal, reportedAs }: AttemptOptions = {},
  ): Promise<T> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const over = AbortSignal.any([late.signal, this.closed, ...signal ? [signal] : []]);
    const backoff = new Backoff();
    let fault: unknown = new ConnectionFault(`no response from ${this.name} within ${timeoutMs} ms`);
    try {
      while (!over.aborted) {
        try {
          const result = await abortable(operation(), over);
          if (!over.aborted) return result as T;
        } catch (error) {
          if (over.aborted) break;
          if (!isRetriable(error)) throw toBusError(error, what);
          fault = error;
          if (reportedAs !== undefined) this.delays.failed(reportedAs, messageOf(error));
          await backoff.wait(over);
          await abortable(this.recover(), over);
        }
      }
    } finally {
      clearTimeout(timer);
      if (reportedAs !== undefined) this.delays.over(reportedAs);
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
    clearInterval(this.#refreshing);
    clearTimeout(this.#soon);
    this.delays.close();
    this.#connections.close();
  }
}

/** The error of every call after `close`. */
export function closedError(): BusError {
  return new BusError("closed", "The connection to Kafka is closed");
}

function leadersOf({ topic, partitionMetadata }: TopicMetadata): [string, number[]] {
  const leaders: number[] = [];
  for (const { partitionId, leader } of partitionMetadata) leaders[partitionId] = leader;
  return [topic, leaders];
}
