import { Backoff } from "../../../../lib/backoff.ts";
import { messageOf } from "../../../../lib/coded_error.ts";
import { Condition } from "../../../../lib/condition.ts";
import { sleep } from "../../../../lib/sleep.ts";
import { BusError } from "../../errors.ts";
import { closedError, type Cluster, FOREVER_MS } from "../net/cluster.ts";
import { listOffsets, nameOf, type TopicPartition, type TopicPosition } from "../topics.ts";
import { CODE, isCode, isRetriable } from "../wire/faults.ts";
import { explainGroupError, GroupCoordinator, type GroupSettings } from "./group_coordinator.ts";
import { NO_GENERATION, without } from "./group_start.ts";
import { type Assignment, assignPartitions, type GroupSubscriber } from "./subscription_assigner.ts";

/** The partitions of a member, as its subscription holds them. */
export interface Holdings {
  /** All claimed partitions, including those that are being released. */
  owned(): readonly TopicPartition[];
  /** Called before start positions are read; afterwards a previous owner can no longer commit. */
  prepare(partitions: readonly TopicPartition[]): Promise<void>;
  /** Claims these partitions, from these offsets. */
  claim(positions: readonly TopicPosition[]): void;
  /** Stops delivery, waits for the commit of what was delivered, and loses the claims. */
  release(partitions: readonly TopicPartition[]): Promise<void>;
  /** Loses all claims at once. */
  loseAll(): void;
  /** The member cannot continue. */
  fail(error: unknown): void;
}

const COMMIT_TIMEOUT_MS = 15_000;
const MAX_BACKOFF_MS = 1_000;
/** After a failover the coordinator waits one session for a heartbeat: several attempts must fit into it. */
const BACKOFFS_PER_SESSION = 8;
/** The coordinator has evicted this member. */
const EVICTED_CODES = [CODE.UNKNOWN_MEMBER_ID, CODE.ILLEGAL_GENERATION] as const;
/** The generation of the member is no longer current, or is about to end. */
const STALE_CODES = [...EVICTED_CODES, CODE.REBALANCE_IN_PROGRESS] as const;

/**
 * A member of a group: joins, sends heartbeats however busy its reader is, commits, leaves.
 *
 * Each rebalance starts a new **generation**: all members join, the leader assigns partitions, and each
 * learns its own by SyncGroup. Rebalances are cooperative (KIP-429): claims that a member keeps stay valid
 * and are read throughout; a partition that has to move is released after the rebalance, and assigned to its
 * new owner in the next one, which the release triggers.
 *
 * The coordinator rejects a **commit** with another generation than its own. During a rebalance that only
 * means "join first": commits wait for the next generation. Rejected in the current generation, the member
 * was evicted: all claims are lost.
 */
export class GroupMember {
  readonly #cluster: Cluster;
  readonly #settings: GroupSettings;
  readonly #holdings: Holdings;
  readonly #closed = new AbortController();
  readonly #coordinator: GroupCoordinator;
  readonly #stable = new Condition();
  readonly #releasing = new Set<string>();
  readonly #backoff: Backoff;
  #isStable = false;
  /** If this member looks for growth: the number of partitions that were there, by topic. */
  #assigned: ReadonlyMap<string, number> | null = null;
  #rejoin = new AbortController();

  constructor(cluster: Cluster, settings: GroupSettings, holdings: Holdings) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#holdings = holdings;
    this.#coordinator = new GroupCoordinator(cluster, settings, this.#closed.signal);
    this.#backoff = new Backoff({
      maxMs: Math.min(MAX_BACKOFF_MS, settings.sessionTimeoutMs / BACKOFFS_PER_SESSION),
    });
  }

  /** Joins, and stays a member until `leave`. */
  start(): void {
    this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      try {
        await this.#join();
        await this.#stayUntilRejoin();
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        await this.#recover(error).catch((failure) => this.#end(failure));
      }
    }
  }

  #end(failure: unknown): void {
    this.#closed.abort(failure);
    this.#stable.notify();
    this.#holdings.fail(failure);
  }

  async #recover(error: unknown): Promise<void> {
    if (isCode(error, ...EVICTED_CODES)) return this.#loseMembership(error);
    if (isCode(error, CODE.REBALANCE_IN_PROGRESS)) return;
    if (!isRetriable(error)) throw explainGroupError(error, this.#settings);
    this.#coordinator.forget();
    this.#cluster.delays.failed(this.#title, messageOf(error));
    await this.#backoff.wait(this.#closed.signal);
    await this.#cluster.recover();
  }

  get #title(): string {
    return `The group "${this.#settings.group}"`;
  }

  #works(): void {
    this.#backoff.reset();
    this.#cluster.delays.over(this.#title);
  }

  /** The partitions of an evicted member may have other owners. */
  #loseMembership(error: unknown): void {
    if (isCode(error, CODE.UNKNOWN_MEMBER_ID)) this.#coordinator.memberId = "";
    this.#coordinator.generation = NO_GENERATION;
    this.#holdings.loseAll();
  }

  async #join(): Promise<void> {
    this.#isStable = false;
    this.#rejoin = new AbortController();
    const members = await this.#coordinator.join(this.#holdings.owned());
    this.#assigned = members ? await this.#countPartitions(members) : this.#ownCounts();
    const assignment: Assignment = members ? assignPartitions(members, this.#assigned!) : new Map();
    const mine = await this.#coordinator.sync(assignment);
    this.#isStable = true;
    this.#stable.notify();
    this.#works();
    this.#apply(mine);
  }

  async #countPartitions(members: readonly GroupSubscriber[]): Promise<Map<string, number>> {
    const topics = new Set(members.flatMap((member) => member.topics));
    this.#cluster.watch(topics);
    await this.#cluster.refresh();
    return new Map([...topics].map((topic) => [topic, this.#cluster.partitions(topic)]));
  }

  /**
   * A leader that is static, and was replaced, does not learn that it leads: the static members look for growth themselves.
   */
  #ownCounts(): Map<string, number> | null {
    const { groupInstanceId, topics } = this.#settings;
    if (groupInstanceId === undefined) return null;
    return new Map(topics.map((topic) => [topic, this.#cluster.partitions(topic)]));
  }

  #apply(assigned: readonly TopicPartition[]): void {
    const owned = new Set(this.#holdings.owned().map(nameOf));
    const kept = new Set(assigned.map(nameOf));
    const gained = assigned.filter((one) => !owned.has(nameOf(one)));
    const taken = this.#holdings.owned().filter((one) =>
      !kept.has(nameOf(one)) && !this.#releasing.has(nameOf(one))
    );
    if (gained.length > 0) this.#claim(gained).catch((error) => this.#failUnlessClosed(error));
    if (taken.length > 0) this.#release(taken).catch((error) => this.#failUnlessClosed(error));
  }

  #failUnlessClosed(error: unknown): void {
    if (!this.#closed.signal.aborted) this.#holdings.fail(error);
  }

  async #release(partitions: readonly TopicPartition[]): Promise<void> {
    for (const partition of partitions) this.#releasing.add(nameOf(partition));
    await this.#holdings.release(partitions);
    for (const partition of partitions) this.#releasing.delete(nameOf(partition));
    this.#rejoin.abort();
  }

  async #claim(partitions: readonly TopicPartition[], offset?: number): Promise<void> {
    const { generation } = this.#coordinator;
    const isOver = () => this.#coordinator.generation !== generation || this.#closed.signal.aborted;
    const positions = await this.#cluster.attempt(
      `Cannot read the commits of the group "${this.#settings.group}"`,
      async () => isOver() ? null : await this.#startPositions(partitions, generation, offset),
      {
        timeoutMs: FOREVER_MS,
        signal: this.#closed.signal,
        reportedAs: `The commits of "${this.#settings.group}"`,
      },
    );
    if (positions && !isOver()) this.#holdings.claim(positions);
  }

  /**
   * Claims a partition anew after its claim was lost only on this side. The heartbeat before it makes sure
   * that the partition is still assigned to this member; after a rebalance the new assignment decides.
   *
   * @param partition No longer claimed.
   * @param offset Where to start. @default {what the group has committed}
   */
  reclaim(partition: TopicPartition, offset?: number): void {
    const { generation } = this.#coordinator;
    const claim = async () => {
      await this.#beat();
      const isCurrent = this.#coordinator.generation === generation;
      if (isCurrent && !this.#closed.signal.aborted) await this.#claim([partition], offset);
    };
    claim().catch((error) => {
      if (!isCode(error, ...STALE_CODES)) this.#failUnlessClosed(error);
    });
  }

  /** @param offset Of all of them, if it is known. */
  async #startPositions(
    partitions: readonly TopicPartition[],
    generation: number,
    offset: number | undefined,
  ): Promise<TopicPosition[]> {
    await this.#holdings.prepare(partitions);
    if (offset !== undefined) return partitions.map((one) => ({ ...one, offset }));
    const committed = await this.#coordinator.committed(partitions);
    const fresh = new Set(without(partitions, committed).map(nameOf));
    const fixed = this.#settings.starts.filter((start) => fresh.has(nameOf(start)));
    const open = without(partitions, [...committed, ...fixed]);
    const oldest = open.length > 0 ? await listOffsets(this.#cluster, open, "start") : [];
    const first = [...fixed, ...oldest];
    // Shows that the group reads these partitions; and a later owner would use the ends of its own subscription.
    if (first.length > 0) await this.#commitIn(generation, first);
    return [...committed, ...first];
  }

  /** Sends heartbeats; returns when it is time to join again. */
  async #stayUntilRejoin(): Promise<void> {
    const over = AbortSignal.any([this.#rejoin.signal, this.#closed.signal]);
    while (true) {
      await sleep(this.#settings.heartbeatMs, over);
      if (over.aborted) return;
      await this.#beat();
      if (this.#assigned && this.#haveGrown(this.#assigned)) return;
    }
  }

  async #beat(): Promise<void> {
    try {
      await this.#coordinator.beat();
      this.#works();
    } catch (error) {
      // The coordinator is unavailable or has moved to another broker: the membership survives that.
      if (!isRetriable(error)) throw error;
      await this.#recover(error);
    }
  }

  #haveGrown(topics: ReadonlyMap<string, number>): boolean {
    return [...topics].some(([topic, count]) => this.#cluster.partitions(topic) > count);
  }

  /**
   * Commits positions. During a rebalance it waits for the next generation.
   *
   * @param positions Called before each attempt, so that claims lost in the meantime are left out.
   * @throws {BusError} `unavailable` after 15 s; `closed`; `denied`.
   */
  async commit(positions: () => readonly TopicPosition[]): Promise<void> {
    const attempt = async () => {
      if (positions().length === 0) return;
      while (!this.#isStable) {
        this.#closed.signal.throwIfAborted();
        await this.#stable.wait();
      }
      const current = positions();
      if (current.length > 0) await this.#commitIn(this.#coordinator.generation, current);
    };
    const options = { timeoutMs: COMMIT_TIMEOUT_MS, signal: this.#closed.signal };
    await this.#cluster.attempt(`Cannot commit for the group "${this.#settings.group}"`, attempt, options);
  }

  /**
   * Updates the membership after a failed commit.
   *
   * @returns The error to throw; retriable if the remaining claims can be committed in the next generation.
   */
  #handleCommitError(error: unknown, generation: number): unknown {
    if (isRetriable(error)) this.#coordinator.forget();
    if (!isCode(error, ...STALE_CODES)) return error;
    // A rejection of an earlier generation only means that this member has joined again since.
    const isCurrent = this.#isStable && this.#coordinator.generation === generation;
    if (isCurrent && !isCode(error, CODE.REBALANCE_IN_PROGRESS)) {
      const { memberId } = this.#coordinator;
      this.#loseMembership(error);
      // If another process has taken the place of a static member, the next join must not take it back.
      if (this.#settings.groupInstanceId !== undefined) this.#coordinator.memberId = memberId;
    }
    this.#rejoin.abort();
    const message = `Cannot commit: the group "${this.#settings.group}" is rebalancing`;
    return new BusError("unavailable", message, { cause: error });
  }

  async #commitIn(generation: number, positions: readonly TopicPosition[]): Promise<void> {
    try {
      await this.#coordinator.commit(generation, positions);
    } catch (error) {
      throw this.#handleCommitError(error, generation);
    }
  }

  /** Leaves the group, so that others take over at once; waits at most 2 s for the coordinator. */
  async leave(): Promise<void> {
    this.#closed.abort(closedError());
    this.#stable.notify();
    this.#cluster.delays.over(this.#title);
    await this.#coordinator.leave();
  }
}
