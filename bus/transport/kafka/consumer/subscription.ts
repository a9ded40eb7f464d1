import { setImmediate } from "node:timers/promises";
import { BusError } from "../../errors.ts";
import type {
  Batch,
  Claim,
  CommittedMessage,
  Delivery,
  Subscription,
  TransportEvent,
} from "../../transport.ts";
import { checkInteger, expectDelivery } from "../../validate.ts";
import { OwnedClaim } from "./claim.ts";
import { closedError, type Cluster } from "../net/cluster.ts";
import { Fetcher } from "./fetcher.ts";
import { GroupMember, type GroupSettings, type Holdings } from "./group_member.ts";
import { Condition } from "../../../../lib/condition.ts";
import { sleep } from "../../../../lib/sleep.ts";
import { nameOf, type TopicPartition, type TopicPosition } from "../topics.ts";
import type { Transactions } from "../transactions/transactions.ts";

/** How a subscription works. */
export interface KafkaSubscriptionSettings {
  readonly maxBatchMessages: number;
  /** Distinguishes its connections. */
  readonly purpose: string;
  /** How long what was handed out may still be committed when a partition is to move. */
  readonly releaseMs: number;
  /** With exactly-once delivery, what it commits by. */
  readonly transactions: Transactions | null;
  readonly emit: (event: TransportEvent) => void;
  readonly onClosed: (subscription: KafkaSubscription) => void;
}

const CLOSE_COMMIT_MS = 5_000;
const SKIP_INTERVAL_MS = 200;

/** What was fetched for its claims, handed out one batch at a time. */
export class KafkaSubscription implements Subscription {
  readonly #settings: KafkaSubscriptionSettings;
  readonly #claims = new Map<string, OwnedClaim>();
  readonly #fetcher: Fetcher;
  readonly #drained = new Condition();
  #member: GroupMember | null = null;
  #committing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  readonly #skipped = new Set<OwnedClaim>();
  #skipping: ReturnType<typeof setTimeout> | undefined;
  #isIterated = false;

  constructor(cluster: Cluster, settings: KafkaSubscriptionSettings) {
    this.#settings = settings;
    const { purpose, maxBatchMessages } = settings;
    const restart = (claim: OwnedClaim, offset: number) => {
      this.#lose(claim);
      this.#gain({ topic: claim.topic, partition: claim.partition, offset }, claim.end);
    };
    const onSkipped = (claim: OwnedClaim) => this.#skip(claim);
    this.#fetcher = new Fetcher(cluster, {
      purpose: `${purpose} fetch`,
      maxBatchMessages,
      restart,
      onSkipped,
    });
  }

  /**
   * Claims partitions for itself, outside of any group.
   *
   * @param positions Where delivery begins.
   * @param ends Where it ends, by the names of the partitions; without one it does not.
   */
  claimAll(positions: readonly TopicPosition[], ends?: ReadonlyMap<string, number>): void {
    for (const position of positions) this.#gain(position, ends?.get(nameOf(position)));
  }

  /** Takes part in a group, which says what it may claim. */
  join(cluster: Cluster, settings: GroupSettings): void {
    const holdings: Holdings = {
      owned: () => [...this.#claims.values()],
      prepare: async (partitions) => await this.#settings.transactions?.begin(partitions),
      claim: (positions) => this.claimAll(positions),
      release: (partitions) => this.#release(partitions),
      loseAll: () => this.#loseAll(),
      fail: (error) => this.#fetcher.fail(error),
    };
    this.#member = new GroupMember(cluster, settings, holdings);
    this.#member.start();
  }

  #gain(position: TopicPosition, end?: number): void {
    const claim = new OwnedClaim(position, end);
    this.#claims.set(nameOf(claim), claim);
    this.#fetcher.add(claim);
    this.#settings.emit({ type: "claimed", topic: claim.topic, partition: claim.partition });
  }

  #lose(claim: OwnedClaim, reason?: string): void {
    if (this.#claims.get(nameOf(claim)) !== claim) return;
    this.#claims.delete(nameOf(claim));
    claim.lose();
    this.#settings.transactions?.end(claim);
    this.#fetcher.remove(claim);
    this.#drained.notify();
    const { topic, partition } = claim;
    this.#settings.emit({ type: "lost", topic, partition, ...reason !== undefined && { reason } });
  }

  #loseAll(): void {
    for (const claim of [...this.#claims.values()]) this.#lose(claim);
  }

  async #release(partitions: readonly TopicPartition[]): Promise<void> {
    const claims = partitions.map((one) => this.#claims.get(nameOf(one))).filter((claim) =>
      claim !== undefined
    );
    for (const claim of claims) {
      claim.isHeld = true;
      claim.drop();
    }
    const late = new AbortController();
    const over = sleep(this.#settings.releaseMs, late.signal).then(() => late.abort());
    while (!late.signal.aborted && claims.some(({ isDrained, lost }) => !isDrained && !lost.aborted)) {
      await Promise.race([this.#drained.wait(), over]);
    }
    late.abort();
    for (const claim of claims) this.#lose(claim);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void> {
    if (this.#isIterated) {
      throw new BusError("invalid", "The subscription is iterated twice: expected one loop");
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
    const held = () => asked.filter((one): one is [OwnedClaim, number] => this.#isHeld(one[0]));
    await this.#member?.commit(() =>
      held().map(([{ topic, partition }, offset]) => ({ topic, partition, offset }))
    );
    for (const [claim, offset] of held()) this.#note(claim, offset);
  }

  #note(claim: OwnedClaim, committed: number): void {
    claim.committed(committed);
    if (claim.isPastCommit) this.#skip(claim);
    this.#drained.notify();
  }

  async commitWith(claim: Claim, position: number, messages: readonly CommittedMessage[]): Promise<void> {
    this.#expect("exactly-once");
    checkInteger("The position to commit", position, 0, Number.MAX_SAFE_INTEGER);
    const fitting = this.#settings.transactions!.fit(messages);
    if (!this.#isHeld(claim)) return;
    await this.#enqueue(claim, () => position, fitting);
  }

  /** One transaction of a claim follows the other. `position` is asked when its turn has come; `null` for none. */
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
    if (offset === null || !this.#isHeld(claim)) return;
    const { topic, partition, lost } = claim;
    const refusal = await this.#settings.transactions!.run({ topic, partition, offset }, messages, lost)
      .catch((error) => this.#reclaim(claim, error));
    if (refusal) throw refusal;
    if (!this.#isHeld(claim)) return;
    this.#note(claim, offset);
  }

  /** It is open how far the claim came: what is committed tells, when nothing of it is under way any more. */
  #reclaim(claim: OwnedClaim, { message }: Error): void {
    if (!this.#isHeld(claim)) return;
    const { topic, partition, isHeld } = claim;
    this.#lose(claim, message);
    if (!isHeld && !this.#closing) this.#member?.reclaim({ topic, partition });
  }

  #expect(delivery: Delivery): void {
    if (this.#closing) throw closedError();
    expectDelivery(this.#settings.transactions ? "exactly-once" : "at-least-once", delivery);
  }

  /** Otherwise a group would seem to be behind for as long as a marker of a transaction is the last record. */
  #skip(claim: OwnedClaim): void {
    if (!this.#member) return;
    this.#skipped.add(claim);
    this.#skipping ??= setTimeout(() => void this.#commitSkipped(), SKIP_INTERVAL_MS);
  }

  /** What is past its commit is looked at when its turn has come: by then more may have been handed out, and committed. */
  async #commitSkipped(): Promise<void> {
    this.#skipping = undefined;
    const claims = [...this.#skipped];
    this.#skipped.clear();
    const isPast = (claim: OwnedClaim) => this.#isHeld(claim) && claim.isPastCommit && !this.#closing;
    if (this.#settings.transactions) {
      const position = (claim: OwnedClaim) => () => isPast(claim) ? claim.position : null;
      return void await Promise.allSettled(claims.map((claim) => this.#enqueue(claim, position(claim), [])));
    }
    const positions = () => claims.filter(isPast).map((claim) => [claim, claim.position] as const);
    this.#committing = this.#committing.then(() => this.#commit(positions())).catch(() => {});
    await this.#committing;
  }

  #isHeld(claim: Claim): claim is OwnedClaim {
    return this.#claims.get(nameOf(claim)) === claim;
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#fetcher.close();
    clearTimeout(this.#skipping);
    // A reader that was just given a batch has its turn to commit it.
    await setImmediate();
    const late = new AbortController();
    await Promise.race([this.#committing, sleep(CLOSE_COMMIT_MS, late.signal)]);
    late.abort();
    await this.#member?.leave();
    this.#loseAll();
    this.#settings.onClosed(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
