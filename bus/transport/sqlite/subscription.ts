import { setImmediate as yieldToEventLoop } from "node:timers/promises";
import { Condition } from "../../../lib/condition.ts";
import { sleep } from "../../../lib/sleep.ts";
import { BusError, isRetriable } from "../errors.ts";
import type {
  Batch,
  Claim,
  CommittedMessage,
  Delivery,
  Message,
  OutgoingMessage,
  Subscription,
} from "../transport.ts";
import { applyFallbacks, checkInteger, expectDelivery, type SubscribeSettings } from "../validate.ts";
import { Claims, OwnedClaim } from "./claims.ts";
import { GroupStore, type Share } from "./group_store.ts";
import type { Partition, Stored, Topic } from "./log.ts";
import { Member } from "./member.ts";
import type { SqliteSettings } from "./options.ts";
import type { Store } from "./store.ts";

const RETRY_PAUSE_MS = 50;

/** Settings of a subscription. */
export interface SubscriptionSettings extends SubscribeSettings, SqliteSettings {
  /** Finds or creates the topics; called inside a transaction. */
  readonly topics: () => Topic[];
  /** Stores messages; called inside a transaction. */
  readonly append: (topic: string, messages: readonly OutgoingMessage[]) => void;
  readonly signal: AbortSignal | undefined;
  /** Called once it is closed. */
  readonly onClosed: () => void;
}

/** Reads from the log on demand, one batch at a time: it buffers nothing. */
export class SqliteSubscription implements Subscription {
  readonly #store: Store;
  readonly #claims: Claims;
  readonly #settings: SubscriptionSettings;
  readonly #paused = new Set<string>();
  /** What the partitions contained at the last look, by id; without those of which a batch was delivered since. */
  #stored = new Map<number, Stored>();
  readonly #stopListening: () => void;
  #member: Member | null = null;
  readonly #woken = new Condition();
  #failure: unknown;
  #closing: Promise<void> | null = null;

  private constructor(store: Store, settings: SubscriptionSettings) {
    this.#store = store;
    this.#claims = new Claims((event) => settings.onEvent?.(event));
    this.#settings = settings;
    this.#stopListening = store.changes.listen(() => this.#follow());
  }

  /**
   * Subscribes.
   *
   * @param store With the messages.
   * @param settings Checked settings.
   * @returns Once it is in place.
   */
  static async open(store: Store, settings: SubscriptionSettings): Promise<SqliteSubscription> {
    const subscription = new SqliteSubscription(store, settings);
    try {
      await (settings.group === null
        ? subscription.#readAlone(settings)
        : subscription.#join(settings, settings.group));
    } catch (error) {
      subscription.#stopListening();
      throw error;
    }
    return subscription;
  }

  async #readAlone({ topics, from, until, signal }: SubscriptionSettings): Promise<void> {
    const { log, writer } = this.#store;
    const claim = (partition: Partition) => {
      const { first, next } = log.bounds(partition);
      const begin = from === "start" ? first : from === "end" ? next : log.since(partition, from.getTime());
      return new OwnedClaim(partition, begin, null, until === "end" ? next : Infinity);
    };
    const claims = await writer.run(() => topics().flatMap(({ partitions }) => partitions.map(claim)), {
      signal,
    });
    for (const one of claims) this.#claims.gain(one);
  }

  async #join(settings: SubscriptionSettings, group: string): Promise<void> {
    const { database, log, writer } = this.#store;
    const { topics, from, sessionTimeoutMs, heartbeatMs, signal } = settings;
    const place = (): [GroupStore, Share] => {
      const groupStore = new GroupStore(database, log, group, topics(), sessionTimeoutMs);
      if (from === "end") groupStore.startAtEnd();
      return [groupStore, groupStore.share(null)];
    };
    const [groupStore, share] = await writer.run(place, { signal });
    const onChange = (failure?: unknown) => this.#wake(failure);
    const claims = this.#claims;
    const parts = { store: groupStore, writer, claims, heartbeatMs, drainMs: sessionTimeoutMs, onChange };
    this.#member = new Member(parts, share);
  }

  #follow(): void {
    try {
      this.#member?.follow();
      this.#wake();
    } catch (error) {
      this.#wake(isRetriable(error) ? undefined : error);
    }
  }

  #wake(failure?: unknown): void {
    this.#failure ??= failure;
    this.#woken.notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void> {
    while (true) {
      if (this.#closing) return;
      // From before the read, or a change during it would be missed.
      const woken = this.#woken.wait();
      const batch = await this.#read();
      if (batch) {
        yield batch;
        // Heartbeats and sends get a turn before the next read, however fast the loop of the caller is.
        await yieldToEventLoop();
      } else if (this.#isFinished) return;
      else await woken;
    }
  }

  async #read(): Promise<Batch | null> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#readNext();
    } catch (error) {
      if (!isRetriable(error)) throw error;
      await sleep(RETRY_PAUSE_MS);
      this.#wake();
      return null;
    }
  }

  #readNext(): Batch | null {
    const batch = this.#readStored();
    if (batch !== null) return batch;
    const topics = new Set([...this.#claims].map(({ topic }) => topic));
    this.#stored = new Map([...topics].flatMap((topic) => [...this.#store.log.stored(topic)]));
    return this.#readStored();
  }

  #readStored(): Batch | null {
    for (const claim of this.#claims) {
      if (claim.endingSince !== null || claim.isFinished || this.#paused.has(claim.topic)) continue;
      const messages = this.#readFrom(claim);
      if (messages.length === 0) continue;
      this.#claims.delivered(claim, messages.at(-1)!.offset + 1);
      this.#stored.delete(claim.source.id);
      return { claim, messages };
    }
    return null;
  }

  #readFrom(claim: OwnedClaim): Message[] {
    const stored = this.#stored.get(claim.source.id);
    if (stored === undefined) return [];
    const messages = this.#store.log.read(
      claim.source,
      stored,
      claim.position,
      this.#settings.maxBatchMessages,
    );
    if (claim.end === Infinity) return messages;
    const wanted = messages.filter(({ offset }) => offset < claim.end);
    // The rest of the range was removed in the meantime.
    if (wanted.length === 0) claim.position = claim.end;
    return wanted;
  }

  get #isFinished(): boolean {
    const claims = [...this.#claims];
    return claims.length > 0 && claims.every(({ isFinished }) => isFinished);
  }

  pause(topics: Iterable<string>): void {
    for (const topic of topics) this.#paused.add(topic);
  }

  resume(topics: Iterable<string>): void {
    for (const topic of topics) this.#paused.delete(topic);
    this.#wake();
  }

  async commit(positions: ReadonlyMap<Claim, number>): Promise<void> {
    this.#expect("at-least-once");
    const owned: [OwnedClaim, number][] = [];
    for (const [claim, offset] of positions) {
      checkInteger("The offset to commit", offset, 0, Number.MAX_SAFE_INTEGER);
      if (this.#claims.has(claim)) owned.push([claim, offset]);
    }
    if (this.#member && owned.length > 0) await this.#member.commit(owned);
  }

  async commitWith(claim: Claim, position: number, messages: readonly CommittedMessage[]): Promise<void> {
    this.#expect("exactly-once");
    checkInteger("The position to commit", position, 0, Number.MAX_SAFE_INTEGER);
    const { maxMessageBytes, append } = this.#settings;
    const byTopic = Map.groupBy(applyFallbacks(messages, maxMessageBytes), ({ topic }) => topic);
    if (!this.#claims.has(claim)) return;
    await this.#member!.commit([[claim, position]], () => {
      for (const [topic, some] of byTopic) append(topic, some.map(({ message }) => message));
    });
  }

  #expect(delivery: Delivery): void {
    if (this.#closing) throw new BusError("closed", "The subscription is closed");
    expectDelivery(this.#settings.delivery, delivery);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#stopListening();
    this.#wake();
    await this.#member?.leave();
    this.#claims.loseAll();
    this.#settings.onClosed();
  }

  /** Ends without notifying the group, like a killed process. */
  abandon(): void {
    this.#stopListening();
    this.#member?.abandon();
    this.#closing = Promise.resolve();
    this.#wake();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
