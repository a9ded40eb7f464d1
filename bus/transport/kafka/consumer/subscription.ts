import { setImmediate as yieldToEventLoop } from "node:timers/promises";
import { BusError } from "../../errors.ts";
import type { Batch, Claim, CommittedMessage, Delivery, Subscription } from "../../transport.ts";
import { applyFallbacks, checkInteger, expectDelivery, type SubscribeSettings } from "../../validate.ts";
import { OwnedClaim } from "./claim.ts";
import { closedError, type Cluster, FOREVER_MS } from "../net/cluster.ts";
import { Fetcher } from "./fetcher.ts";
import { GroupMember, type Holdings } from "./group_member.ts";
import { Condition } from "../../../../lib/condition.ts";
import { abortable } from "../../../../lib/abortable.ts";
import { defined } from "../../../../lib/defined.ts";
import type { KafkaSettings } from "../options.ts";
import { listOffsets, nameOf, partitionsOf, type TopicPartition, type TopicPosition } from "../topics.ts";
import { isFault } from "../wire/faults.ts";
import type { Transactions } from "../transactions/transactions.ts";

/** Settings of a subscription. */
export interface KafkaSubscriptionSettings extends KafkaSettings, SubscribeSettings {
  /** Prefix of the purposes of its connections. */
  readonly purpose: string;
  /** For exactly-once delivery. */
  readonly transactions: Transactions | null;
  readonly onClosed: (subscription: KafkaSubscription) => void;
}

const CLOSE_COMMIT_MS = 5_000;
const SKIP_INTERVAL_MS = 200;

/** Delivers what its fetcher fetches, commits, and hands claims over when partitions move. */
export class KafkaSubscription implements Subscription {
  readonly #cluster: Cluster;
  readonly #settings: KafkaSubscriptionSettings;
  readonly #claims = new Map<string, OwnedClaim>();
  readonly #fetcher: Fetcher;
  readonly #drained = new Condition();
  #member: GroupMember | null = null;
  #committing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();
  readonly #skipped = new Set<OwnedClaim>();
  #skipping: ReturnType<typeof setTimeout> | undefined;
  #isIterated = false;
  /** Of {@linkcode OwnedClaim.since}. */
  readonly #since: number;

  constructor(cluster: Cluster, settings: KafkaSubscriptionSettings) {
    this.#cluster = cluster;
    this.#settings = settings;
    const { purpose, maxBatchMessages, from, rack } = settings;
    this.#since = from === "end" ? Date.now() : from === "start" ? 0 : from.getTime();
    const restart = (claim: OwnedClaim, offset: number, reason: string) => {
      const { topic, partition, end } = claim;
      this.#lose(claim, reason);
      // In transactions the new claim needs a producer of its own, as any other.
      if (settings.transactions) this.#member?.reclaim({ topic, partition }, offset);
      else this.#gain({ topic, partition, offset }, end);
    };
    const onUndecodable = ({ topic, partition }: OwnedClaim, reason: string) =>
      settings.onEvent?.({ type: "undecodable", topic, partition, reason });
    const onSkipped = (claim: OwnedClaim) => this.#skip(claim);
    this.#fetcher = new Fetcher(cluster, {
      purpose: `${purpose} fetch`,
      maxBatchMessages,
      rack,
      restart,
      onUndecodable,
      onSkipped,
    });
  }

  /**
   * Claims partitions.
   *
   * @param positions Where delivery starts.
   * @param ends Where it ends, by partition; without an entry it does not.
   */
  claimAll(positions: readonly TopicPosition[], ends?: ReadonlyMap<string, number>): void {
    for (const position of positions) this.#gain(position, ends?.get(nameOf(position)));
  }

  /**
   * Claims the partitions that are added to some topics, from their oldest messages.
   *
   * @param topics Whose other partitions are claimed already.
   */
  followGrowth(topics: readonly string[]): void {
    this.#followGrowth(topics).catch((error) => {
      if (!this.#closing) this.#fetcher.fail(error);
    });
  }

  async #followGrowth(topics: readonly string[]): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      const loaded = this.#cluster.loaded();
      const added = partitionsOf(this.#cluster, topics).filter((one) => !this.#claims.has(nameOf(one)));
      if (added.length === 0) await abortable(loaded, signal);
      else {
        const look = () => listOffsets(this.#cluster, added, "start");
        const reportedAs = `The start of ${added.map(nameOf).join(", ")}`;
        const message = `Cannot read the start of ${added.map(nameOf).join(", ")}`;
        this.claimAll(
          await this.#cluster.attempt(message, look, { timeoutMs: FOREVER_MS, signal, reportedAs }),
        );
      }
    }
  }

  /**
   * Joins a group, which assigns partitions to it.
   *
   * @param group The group.
   * @param topics What this member subscribes to.
   * @param starts Where delivery starts without a commit; without an entry at the oldest message.
   */
  join(group: string, topics: readonly string[], starts: readonly TopicPosition[]): void {
    const holdings: Holdings = {
      owned: () => [...this.#claims.values()],
      prepare: async (partitions) => await this.#settings.transactions?.begin(partitions),
      claim: (positions) => this.claimAll(positions),
      release: (partitions) => this.#release(partitions),
      loseAll: () => this.#loseAll(),
      fail: (error) => this.#fetcher.fail(error),
    };
    this.#member = new GroupMember(this.#cluster, { ...this.#settings, group, topics, starts }, holdings);
    this.#member.start();
  }

  #gain(position: TopicPosition, end?: number): void {
    const claim = new OwnedClaim(position, end, this.#since);
    this.#claims.set(nameOf(claim), claim);
    this.#fetcher.add(claim);
    this.#settings.onEvent?.({ type: "claimed", topic: claim.topic, partition: claim.partition });
  }

  #lose(claim: OwnedClaim, reason?: string): void {
    if (this.#claims.get(nameOf(claim)) !== claim) return;
    this.#claims.delete(nameOf(claim));
    claim.lose();
    this.#settings.transactions?.end(claim);
    this.#fetcher.remove(claim);
    this.#drained.notify();
    const { topic, partition } = claim;
    this.#settings.onEvent?.({ type: "lost", topic, partition, ...defined({ reason }) });
  }

  #loseAll(): void {
    for (const claim of [...this.#claims.values()]) this.#lose(claim);
  }

  /** Stops delivery, waits for the commit of what was delivered, and loses the claims. */
  async #release(partitions: readonly TopicPartition[]): Promise<void> {
    const claims = partitions.map((one) => this.#claims.get(nameOf(one))).filter((one) => one !== undefined);
    for (const claim of claims) {
      claim.isReleasing = true;
      claim.drop();
    }
    const late = AbortSignal.timeout(this.#settings.releaseMs);
    while (!late.aborted && claims.some(({ isDrained, lost }) => !isDrained && !lost.aborted)) {
      await abortable(this.#drained.wait(), late);
    }
    for (const claim of claims) this.#lose(claim);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void> {
    if (this.#isIterated) {
      throw new BusError("invalid", "Cannot iterate the subscription twice: expected one loop");
    }
    this.#isIterated = true;
    while (true) {
      const batch = await this.#fetcher.next();
      if (!batch) return;
      yield batch;
    }
  }

  pause(topics: Iterable<string>): void {
    this.#fetcher.pause(topics);
  }

  resume(topics: Iterable<string>): void {
    this.#fetcher.resume(topics);
  }

  async commit(positions: ReadonlyMap<Claim, number>): Promise<void> {
    this.#expect("at-least-once");
    const asked = [...positions];
    const committed = this.#committing.then(() => this.#commit(asked));
    this.#committing = committed.catch(() => {});
    await committed;
  }

  async #commit(asked: readonly (readonly [Claim, number])[]): Promise<void> {
    for (const [, offset] of asked) checkInteger("The offset to commit", offset, 0, Number.MAX_SAFE_INTEGER);
    const held = () => asked.filter((one): one is [OwnedClaim, number] => this.#isOwned(one[0]));
    await this.#member?.commit(() =>
      held().map(([{ topic, partition }, offset]) => ({ topic, partition, offset }))
    );
    for (const [claim, offset] of held()) this.#setCommitted(claim, offset);
  }

  #setCommitted(claim: OwnedClaim, committed: number): void {
    claim.committed(committed);
    if (claim.isPastCommit) this.#skip(claim);
    this.#drained.notify();
  }

  async commitWith(claim: Claim, position: number, messages: readonly CommittedMessage[]): Promise<void> {
    this.#expect("exactly-once");
    checkInteger("The position to commit", position, 0, Number.MAX_SAFE_INTEGER);
    const accepted = applyFallbacks(messages, this.#settings.maxMessageBytes);
    if (!this.#isOwned(claim)) return;
    await this.#enqueue(claim, () => position, accepted);
  }

  /** Queues a transaction behind those of the claim. `position` is called when it starts; `null` skips it. */
  #enqueue(
    claim: OwnedClaim,
    position: () => number | null,
    messages: readonly CommittedMessage[],
  ): Promise<void> {
    const stored = claim.committing.then(() => this.#transact(claim, position(), messages));
    claim.committing = stored.catch(() => {});
    this.#committing = Promise.all([this.#committing, claim.committing]).then(() => {});
    return stored;
  }

  async #transact(
    claim: OwnedClaim,
    offset: number | null,
    messages: readonly CommittedMessage[],
  ): Promise<void> {
    if (offset === null || !this.#isOwned(claim)) return;
    const { topic, partition, lost } = claim;
    const refusal = await this.#settings.transactions!.run({ topic, partition, offset }, messages, lost)
      .catch((error) => this.#reclaim(claim, error));
    if (refusal) throw refusal;
    if (!this.#isOwned(claim)) return;
    this.#setCommitted(claim, offset);
  }

  /**
   * The outcome of a transaction is open, and so is the position of its claim. The claim is lost; claiming
   * the partition anew fences the producer, which settles the outcome, and reads the committed position.
   *
   * @throws {unknown} An error in the program: claiming anew would repeat it for ever.
   */
  #reclaim(claim: OwnedClaim, error: unknown): void {
    if (!this.#isOwned(claim)) return;
    if (!isFault(error)) {
      this.#fetcher.fail(error);
      throw error;
    }
    const { topic, partition, isReleasing } = claim;
    this.#lose(claim, error.message);
    if (!isReleasing && !this.#closing) this.#member?.reclaim({ topic, partition });
  }

  #expect(delivery: Delivery): void {
    if (this.#closing) throw closedError();
    expectDelivery(this.#settings.transactions ? "exactly-once" : "at-least-once", delivery);
  }

  /** Commits past records that nobody may see, or the group would lag behind a transaction marker. */
  #skip(claim: OwnedClaim): void {
    if (!this.#member) return;
    this.#skipped.add(claim);
    this.#skipping ??= setTimeout(() => void this.#commitSkipped(), SKIP_INTERVAL_MS);
  }

  /** Checks each claim again: messages may have been delivered, and committed, in the meantime. */
  async #commitSkipped(): Promise<void> {
    this.#skipping = undefined;
    const claims = [...this.#skipped];
    this.#skipped.clear();
    const isPast = (claim: OwnedClaim) => this.#isOwned(claim) && claim.isPastCommit && !this.#closing;
    if (this.#settings.transactions) {
      const position = (claim: OwnedClaim) => () => isPast(claim) ? claim.position : null;
      return void await Promise.allSettled(claims.map((claim) => this.#enqueue(claim, position(claim), [])));
    }
    const positions = () => claims.filter(isPast).map((claim) => [claim, claim.position] as const);
    this.#committing = this.#committing.then(() => this.#commit(positions())).catch(() => {});
    await this.#committing;
  }

  #isOwned(claim: Claim): claim is OwnedClaim {
    return this.#claims.get(nameOf(claim)) === claim;
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#fetcher.close();
    this.#closed.abort();
    clearTimeout(this.#skipping);
    // A loop that has just received a batch gets a turn to commit it.
    await yieldToEventLoop();
    await abortable(this.#committing, AbortSignal.timeout(CLOSE_COMMIT_MS));
    await this.#member?.leave();
    this.#loseAll();
    this.#settings.onClosed(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
