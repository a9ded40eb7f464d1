import { setImmediate as yieldToEventLoop } from "node:timers/promises";
import { BusError } from "../../errors.ts";
import type { Batch } from "../../transport.ts";
import type { OwnedClaim } from "./claim.ts";
import { type Cluster, FOREVER_MS } from "../net/cluster.ts";
import { denialOf } from "../wire/denial.ts";
import { BrokerFault, CODE, isRetriable, toBusError } from "../wire/faults.ts";
import { Backoff } from "../../../../lib/backoff.ts";
import { messageOf } from "../../../../lib/coded_error.ts";
import { Condition } from "../../../../lib/condition.ts";
import type { FetchedPartition, Requests } from "../wire/requests.ts";
import { byTopic, listOffsets, nameOf, noLeader, titleOf, type TopicPosition } from "../topics.ts";

/** Settings of a fetcher. */
export interface FetcherSettings {
  /** Prefix of the purposes of its connections. */
  readonly purpose: string;
  readonly maxBatchMessages: number;
  /** Where this client is: leaders may name a replica in the same rack, which is read instead. */
  readonly rack: string | undefined;
  /** The log ends before the position of the claim: the partition is to be claimed anew, from this offset on. */
  readonly restart: (claim: OwnedClaim, offset: number, reason: string) => void;
  /** A batch of the claim cannot be decoded. */
  readonly onUndecodable: (claim: OwnedClaim, reason: string) => void;
  /** The position of a claim has moved past records that nobody may see. */
  readonly onSkipped: (claim: OwnedClaim) => void;
}

/** How long a broker waits for messages: if all claims are part of the fetch, or others may follow soon. */
const IDLE_WAIT_MS = 500;
const SHORT_WAIT_MS = 100;
/** For an answer of 16 MiB on a slow line. */
const FETCH_TIMEOUT_MS = 30_000;
const PARTITION_FETCH_BYTES = 2 ** 20;
const FETCH_BYTES = 8 * 2 ** 20;
/** Nothing is fetched for a claim, or for all, while their buffers hold this much. */
const CLAIM_BUFFER_BYTES = 4 * 2 ** 20;
const BUFFER_BYTES = 16 * 2 ** 20;
const BATCH_BYTES = 16 * 2 ** 20;
/** Then the leader is asked again which replica is closest. */
const REPLICA_MAX_AGE_MS = 300_000;

/**
 * Fetches for a set of claims, ahead of its reader by a bounded number of bytes.
 *
 * To each broker there is at most one fetch that waits for messages ("wait"), for all claims with room in
 * their buffers. A pending fetch cannot be changed: a claim that gets room while it waits (a topic was
 * resumed, a buffer was emptied) is fetched on a second connection, without a wait ("now"), until that finds
 * nothing.
 *
 * Fetches are plain ones, without sessions (KIP-227): each request names its partitions and offsets, so
 * nothing has to be resumed after a broken connection. A response is dropped if the claim was lost or its
 * position was changed in the meantime.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #settings: FetcherSettings;
  /** Round robin: a claim moves to the end when messages arrive for it or are delivered. */
  readonly #claims = new Set<OwnedClaim>();
  readonly #paused = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #backoff = new Backoff();
  readonly #changed = new Condition();
  #failure: unknown;
  #isScheduled = false;
  #isClosed = false;

  constructor(cluster: Cluster, settings: FetcherSettings) {
    this.#cluster = cluster;
    this.#settings = settings;
  }

  /** Starts fetching for a claim, from its position. */
  add(claim: OwnedClaim): void {
    this.#claims.add(claim);
    this.#schedule();
  }

  /** Stops fetching for a claim. */
  remove(claim: OwnedClaim): void {
    this.#claims.delete(claim);
    this.#cluster.delays.over(titleOf(claim));
    this.#schedule();
  }

  pause(topics: Iterable<string>): void {
    for (const topic of topics) this.#paused.add(topic);
  }

  resume(topics: Iterable<string>): void {
    for (const topic of topics) this.#paused.delete(topic);
    this.#changed.notify();
    this.#schedule();
  }

  /**
   * The next batch; round robin over the claims.
   *
   * @returns `null` when the fetcher is closed, or everything up to the ends of its claims has been
   * delivered.
   * @throws The error of {@linkcode Fetcher.fail}.
   */
  async next(): Promise<Batch | null> {
    while (true) {
      // Heartbeats get a turn before each batch, however fast the loop of the caller is.
      await yieldToEventLoop();
      if (this.#isClosed) return null;
      if (this.#failure !== undefined) throw this.#failure;
      const claim = this.#nextReady();
      if (claim) return this.#deliver(claim);
      if (this.#isFinished) return null;
      await this.#changed.wait();
    }
  }

  get #isFinished(): boolean {
    const claims = [...this.#claims];
    return claims.length > 0 && claims.every(({ isFetched, hasMessages }) => isFetched && !hasMessages);
  }

  #nextReady(): OwnedClaim | undefined {
    for (const claim of this.#claims) {
      if (claim.hasMessages && !claim.isReleasing && !this.#paused.has(claim.topic)) return claim;
    }
  }

  #deliver(claim: OwnedClaim): Batch {
    const messages = claim.take(this.#settings.maxBatchMessages, BATCH_BYTES);
    for (const { undecodable } of messages) if (undecodable) this.#settings.onUndecodable(claim, undecodable);
    this.#moveLast(claim);
    this.#schedule();
    return { claim, messages };
  }

  #moveLast(claim: OwnedClaim): void {
    if (this.#claims.delete(claim)) this.#claims.add(claim);
  }

  /** Ends the iteration with an error. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#changed.notify();
  }

  /** Ends the iteration and all fetches. */
  close(): void {
    this.#isClosed = true;
    this.#changed.notify();
    this.#cluster.closeConnections(`${this.#settings.purpose} wait`);
    this.#cluster.closeConnections(`${this.#settings.purpose} now`);
  }

  /** Starts the fetches that are possible, after all changes of the current call. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#start();
    });
  }

  #start(): void {
    if (this.#isClosed || this.#failure !== undefined) return;
    for (const [node, claims] of Map.groupBy(this.#claims, (claim) => this.#sourceOf(claim))) {
      const wanted = this.#wanted(claims);
      if (wanted.length > 0) this.#serve(node, wanted, wanted.length === claims.length);
    }
  }

  /** The broker to read from: `undefined` if there is none at the moment. */
  #sourceOf({ topic, partition, replica }: OwnedClaim): number | undefined {
    const isUsed = replica && performance.now() < replica.until && this.#cluster.has(replica.node);
    return isUsed ? replica.node : this.#cluster.leader(topic, partition);
  }

  #serve(node: number | undefined, wanted: readonly OwnedClaim[], isAll: boolean): void {
    const [wait, now] = [`${node} wait`, `${node} now`];
    if (!this.#busy.has(wait)) {
      for (const claim of wanted) claim.isCaughtUp = false;
      const waitMs = isAll ? IDLE_WAIT_MS : SHORT_WAIT_MS;
      const work = () =>
        node === undefined
          ? this.#recover(wanted, noLeader(wanted[0]!))
          : this.#fetch(node, "wait", wanted, waitMs);
      this.#run(wait, work);
    } else if (node !== undefined && !this.#busy.has(now)) {
      const unread = wanted.filter(({ isCaughtUp }) => !isCaughtUp);
      if (unread.length > 0) this.#run(now, () => this.#fetch(node, "now", unread, 0));
    }
  }

  #wanted(claims: readonly OwnedClaim[]): OwnedClaim[] {
    if (this.#bufferedBytes() >= BUFFER_BYTES) this.#dropPaused();
    if (this.#bufferedBytes() >= BUFFER_BYTES) return [];
    return claims.filter((claim) =>
      !claim.isFetching && !claim.isFetched && !claim.isSuspended && !claim.isReleasing &&
      !this.#paused.has(claim.topic) &&
      claim.bufferedBytes < CLAIM_BUFFER_BYTES
    );
  }

  #bufferedBytes(): number {
    let bytes = 0;
    for (const claim of this.#claims) bytes += claim.bufferedBytes;
    return bytes;
  }

  /** The buffers of paused topics must not block the other topics. */
  #dropPaused(): void {
    for (const claim of this.#claims) if (this.#paused.has(claim.topic)) claim.drop();
  }

  async #run(name: string, work: () => Promise<void>): Promise<void> {
    this.#busy.add(name);
    try {
      await work();
    } catch (error) {
      if (!this.#isClosed) this.fail(error);
    } finally {
      this.#busy.delete(name);
      this.#schedule();
    }
  }

  async #fetch(
    node: number,
    purpose: "wait" | "now",
    claims: readonly OwnedClaim[],
    waitMs: number,
  ): Promise<void> {
    const asked = new Map(claims.map((claim) => [nameOf(claim), { claim, offset: claim.position }]));
    for (const claim of claims) claim.isFetching = true;
    try {
      const { responses } = await this.#ask(node, purpose, fetchRequest(claims, waitMs, this.#settings.rack));
      for (const { topicName: topic, partitions } of responses) {
        for (const fetched of partitions) {
          const of = asked.get(nameOf({ topic, partition: fetched.partition }));
          if (of) this.#accept(of.claim, of.offset, fetched, purpose);
        }
      }
      this.#backoff.reset();
    } catch (error) {
      for (const claim of claims) claim.replica = null;
      if (!this.#isClosed) await this.#recover(claims, error);
    } finally {
      for (const claim of claims) claim.isFetching = false;
    }
  }

  #ask(node: number, purpose: string, payload: Requests["Fetch"][0]): Promise<Requests["Fetch"][1]> {
    const timeoutMs = payload.maxWaitTime + FETCH_TIMEOUT_MS;
    return this.#cluster.request(node, `${this.#settings.purpose} ${purpose}`, "Fetch", payload, timeoutMs);
  }

  #accept(claim: OwnedClaim, offset: number, fetched: FetchedPartition, purpose: "wait" | "now"): void {
    // Lost, or its buffer was dropped, while the fetch was pending.
    if (!this.#claims.has(claim) || claim.position !== offset) return;
    if (fetched.errorCode !== 0) return this.#suspend(claim, fetched.errorCode);
    const { preferredReplica: node } = fetched;
    if (node >= 0) claim.replica = { node, until: performance.now() + REPLICA_MAX_AGE_MS };
    claim.backoff.reset();
    this.#cluster.delays.over(titleOf(claim));
    const { batches, end } = fetched;
    claim.isCaughtUp = purpose === "now" && end === null;
    if (end === null) return;
    claim.append(batches, offset);
    claim.position = Math.max(offset, end);
    claim.isAppendTime = fetched.isAppendTime;
    if (claim.isPastCommit) this.#settings.onSkipped(claim);
    this.#moveLast(claim);
    this.#changed.notify();
  }

  /** Suspends one partition until its fault is fixed; the others continue. */
  #suspend(claim: OwnedClaim, code: number): void {
    claim.isSuspended = true;
    const fault = new BrokerFault(code, titleOf(claim), denialOf(code, "Fetch", claim));
    const recover = () => {
      if (claim.replica) return this.#leaveReplica(claim);
      if (code === CODE.OFFSET_OUT_OF_RANGE) return this.#findStart(claim);
      return this.#recover([claim], fault, claim.backoff);
    };
    this.#run(nameOf(claim), () => recover().finally(() => claim.isSuspended = false));
  }

  /** A replica can be behind its leader, or no longer be one: only the leader knows. */
  async #leaveReplica(claim: OwnedClaim): Promise<void> {
    claim.replica = null;
    await claim.backoff.wait(this.#cluster.closed);
  }

  /**
   * The position is outside of the log. If the log starts behind it, retention has removed messages. If it ends before it,
   * the end was lost (an unclean election) or the topic was recreated: in both cases what was stored later than the last
   * delivered message is new, and nothing else, as far as timestamps indicate. Those of senders are too vague for that,
   * unless the reader wanted only what is newer than a time.
   */
  async #findStart(claim: OwnedClaim): Promise<void> {
    const { deliveredAt, isAppendTime, since } = claim;
    const after = Math.max(since, isAppendTime || since > 0 ? deliveredAt ?? 0 : 0);
    const [start] = await this.#lookUp(claim, "start");
    if (claim.lost.aborted) return;
    if (start!.offset >= claim.position) claim.position = start!.offset;
    else {
      const [next] = after > 0 ? await this.#lookUp(claim, new Date(after)) : [start];
      const reason =
        `the log ends before offset ${claim.position}: its end was lost, or the topic was created anew`;
      if (!claim.lost.aborted) this.#settings.restart(claim, next!.offset, reason);
    }
    this.#changed.notify();
  }

  #lookUp(claim: OwnedClaim, at: "start" | Date): Promise<TopicPosition[]> {
    const look = () => listOffsets(this.#cluster, [claim], at);
    const message = `Cannot read the offsets of ${nameOf(claim)}`;
    return this.#cluster.attempt(message, look, { timeoutMs: FOREVER_MS, reportedAs: titleOf(claim) });
  }

  async #recover(claims: readonly OwnedClaim[], fault: unknown, backoff = this.#backoff): Promise<void> {
    if (!isRetriable(fault)) throw asFailure(fault);
    for (const claim of claims) {
      if (this.#claims.has(claim)) this.#cluster.delays.failed(titleOf(claim), messageOf(fault));
    }
    await backoff.wait(this.#cluster.closed);
    await this.#cluster.recover();
  }
}

function fetchRequest(
  claims: readonly OwnedClaim[],
  waitMs: number,
  rackId = "",
): Requests["Fetch"][0] {
  const partitions = claims.map(({ topic, partition, position }) => ({
    topic,
    partition,
    fetchOffset: position,
    maxBytes: PARTITION_FETCH_BYTES,
  }));
  return {
    maxWaitTime: waitMs,
    minBytes: waitMs > 0 ? 1 : 0,
    maxBytes: FETCH_BYTES,
    rackId,
    topics: byTopic(partitions),
  };
}

function asFailure(fault: unknown): unknown {
  if (fault instanceof BusError || fault instanceof BrokerFault) {
    return toBusError(fault, "Cannot fetch messages");
  }
  return new BusError("invalid", `Cannot decode messages: ${messageOf(fault)}`, { cause: fault });
}
