import { abortable } from "../../../lib/abortable.ts";
import { BusError } from "../errors.ts";
import type {
  OutgoingMessage,
  SendMessagesOptions,
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
} from "../validate.ts";
import type { Topic } from "./log.ts";
import type { SqliteSettings } from "./options.ts";
import { SendQueue } from "./send_queue.ts";
import type { Store } from "./store.ts";
import { SqliteSubscription } from "./subscription.ts";

const CLOSE_GRACE_MS = 30_000;
const SWEEP_INTERVAL_MS = 60_000;

/** Settings of a {@linkcode SqliteTransport}. */
export interface SqliteTransportSettings extends SqliteSettings {
  readonly url: string;
  /** Called once the transport no longer uses the store. */
  readonly release: () => void;
}

/** A transport on a {@linkcode Store}. */
export class SqliteTransport implements Transport {
  readonly url: string;
  readonly maxMessageBytes: number;
  readonly #store: Store;
  readonly #settings: SqliteTransportSettings;
  readonly #sends: SendQueue;
  readonly #subscriptions = new Set<SqliteSubscription>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #sweeping: ReturnType<typeof setInterval>;
  #closing: Promise<void> | null = null;

  constructor(store: Store, settings: SqliteTransportSettings) {
    this.url = settings.url;
    this.maxMessageBytes = settings.maxMessageBytes;
    this.#store = store;
    this.#settings = settings;
    this.#sends = new SendQueue(store, (name) => this.#ensure(name));
    this.#sweeping = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS * (0.5 + Math.random()));
    Deno.unrefTimer(this.#sweeping);
    settings.onEvent?.({ type: "connected" });
  }

  get unavailable(): string | null {
    return this.#store.writer.unavailable;
  }

  /** Errors are ignored: they affect each send and commit too, and are reported there. */
  #sweep(): void {
    this.#store.retention.sweep(this.#store.writer).catch(() => {});
  }

  #checkOpen(): void {
    if (this.#closing) throw new BusError("closed", `The connection to ${this.url} is closed`);
  }

  #ensure(name: string): Topic {
    const { partitions, expiringTopics } = this.#settings;
    return this.#store.log.ensureTopic(name, { partitions, expires: expiringTopics.has(name) });
  }

  async send(
    topic: string,
    messages: readonly OutgoingMessage[],
    options: SendMessagesOptions = {},
  ): Promise<void> {
    this.#checkOpen();
    checkTopic(topic);
    checkMessages(messages, this.maxMessageBytes);
    await this.#track(this.#sends.send(topic, messages, options));
  }

  /** Makes `close` wait for it. */
  async #track<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work);
    try {
      return await work;
    } finally {
      this.#pending.delete(work);
    }
  }

  async subscribe(topics: readonly string[], options: SubscribeOptions = {}): Promise<Subscription> {
    this.#checkOpen();
    const names = checkTopics(topics);
    const { signal } = options;
    const subscription: SqliteSubscription = await SqliteSubscription.open(this.#store, {
      ...this.#settings,
      ...checkSubscribeOptions(options),
      topics: () => names.map((name) => this.#ensure(name)),
      append: (topic, messages) => this.#sends.appendAnswers(topic, messages),
      signal,
      onClosed: () => this.#subscriptions.delete(subscription),
    });
    if (this.#closing || signal?.aborted) await subscription.close();
    signal?.throwIfAborted();
    this.#checkOpen();
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async ensureTopics(topics: readonly string[]): Promise<void> {
    this.#checkOpen();
    topics.forEach(checkTopic);
    await this.#track(this.#store.writer.run(() => topics.forEach((name) => this.#ensure(name))));
  }

  // deno-lint-ignore require-await -- an error is a rejection, as with every other transport
  async topics(group?: string, wanted: WantedTopics = () => true): Promise<TopicInfo[]> {
    this.#checkOpen();
    const isWanted = typeof wanted === "function" ? wanted : (name: string) => wanted.includes(name);
    return this.#store.log.list(group ?? null).filter(({ name }) => isWanted(name));
  }

  async removeBefore(topic: string, before: ReadonlyMap<number, number>): Promise<void> {
    this.#checkOpen();
    checkTopic(topic);
    checkPositions(before);
    await this.#track(this.#store.retention.removeBefore(this.#store.writer, topic, before));
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweeping);
    await abortable(Promise.allSettled(this.#pending), AbortSignal.timeout(CLOSE_GRACE_MS));
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    this.#settings.release();
  }

  /** Ends like a killed process, without finishing or releasing anything; for tests. */
  abandon(): void {
    clearInterval(this.#sweeping);
    for (const subscription of this.#subscriptions) subscription.abandon();
    this.#closing = Promise.resolve();
    this.#settings.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
