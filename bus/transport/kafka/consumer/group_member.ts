import { BusError } from "../../errors.ts";
import type { Delivery } from "../../transport.ts";
import { closedError, type Cluster } from "../net/cluster.ts";
import { CODE, ConnectionFault, expectSuccess, isCode, isRetriable, toBusError } from "../wire/faults.ts";
import {
  ASSIGNER,
  decodeAssignment,
  decodeSubscriber,
  encodeAssignment,
  encodeSubscriber,
} from "../wire/group_protocol.ts";
import { abortable } from "../../../../lib/abortable.ts";
import { Backoff } from "../../../../lib/backoff.ts";
import { Condition } from "../../../../lib/condition.ts";
import { sleep } from "../../../../lib/sleep.ts";
import type { JoinedMember, Requests } from "../wire/requests.ts";
import { assignPartitions } from "./subscription_assigner.ts";
import { expectCommitted, NO_GENERATION, split, without } from "./group_start.ts";
import {
  byTopic,
  committedOffsets,
  listOffsets,
  nameOf,
  type TopicPartition,
  type TopicPosition,
} from "../topics.ts";

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

/** Settings of a group member. */
export interface GroupSettings {
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  /** `"exactly-once"`: members commit in transactions. */
  readonly delivery: Delivery;
  /** Prefix of the purposes of its connections. */
  readonly purpose: string;
  /** Where to start without a commit, by partition; without an entry at the oldest message. */
  readonly starts: ReadonlyMap<string, number>;
}

/** Brokers reject shorter sessions by default (`group.min.session.timeout.ms`). */
const DEFAULT_MIN_SESSION_MS = 6_000;
const COMMIT_TIMEOUT_MS = 15_000;
const LEAVE_TIMEOUT_MS = 2_000;
const FOREVER_MS = 2 ** 31 - 1;
const PARTITIONS_CHECK_MS = 60_000;
const MAX_BACKOFF_MS = 1_000;
/** After a failover the coordinator waits one session for a heartbeat: several attempts must fit into it. */
const BACKOFFS_PER_SESSION = 8;
/** The generation of the member is no longer current, or is about to end. */
const STALE_CODES = [
  CODE.REBALANCE_IN_PROGRESS,
  CODE.UNKNOWN_MEMBER_ID,
  CODE.ILLEGAL_GENERATION,
] as const;
const COORDINATOR_CODES = [
  CODE.COORDINATOR_LOAD_IN_PROGRESS,
  CODE.COORDINATOR_NOT_AVAILABLE,
  CODE.NOT_COORDINATOR,
] as const;

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
  readonly #stable = new Condition();
  readonly #releasing = new Set<string>();
  readonly #backoff: Backoff;
  #coordinator: number | undefined;
  #memberId = "";
  #generation = NO_GENERATION;
  #isStable = false;
  #isLeader = false;
  #partitionsOf: ReadonlyMap<string, number> = new Map();
  #rejoin = new AbortController();

  constructor(cluster: Cluster, settings: GroupSettings, holdings: Holdings) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#holdings = holdings;
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
    if (isCode(error, CODE.UNKNOWN_MEMBER_ID, CODE.ILLEGAL_GENERATION)) return this.#loseMembership(error);
    if (isCode(error, CODE.REBALANCE_IN_PROGRESS)) return;
    if (!isRetriable(error)) throw explain(error, this.#settings);
    this.#coordinator = undefined;
    await this.#backoff.wait(this.#closed.signal);
    await this.#cluster.recover();
  }

  /** The coordinator has evicted this member, so its partitions may have other owners. */
  #loseMembership(error: unknown): void {
    if (isCode(error, CODE.UNKNOWN_MEMBER_ID)) this.#memberId = "";
    this.#generation = NO_GENERATION;
    this.#holdings.loseAll();
  }

  async #join(): Promise<void> {
    this.#isStable = false;
    this.#rejoin = new AbortController();
    const joined = await this.#joinGroup();
    this.#memberId = joined.memberId;
    this.#generation = joined.generationId;
    this.#isLeader = joined.leaderId === joined.memberId;
    const assigned = await this.#sync(this.#isLeader ? await this.#assign(joined.members) : []);
    this.#isStable = true;
    this.#stable.notify();
    this.#backoff.reset();
    this.#apply(assigned);
  }

  async #joinGroup(): Promise<Requests["JoinGroup"][1]> {
    const { group, topics, sessionTimeoutMs } = this.#settings;
    const sessionTimeout = brokersSession(this.#settings);
    const ask = () => {
      const owned = this.#holdings.owned();
      const subscriber = { topics, owned, generation: this.#generation };
      const metadata = encodeSubscriber(this.#cluster.protocol, subscriber);
      return this.#ask("join", "JoinGroup", {
        groupId: group,
        sessionTimeout,
        rebalanceTimeout: sessionTimeoutMs,
        memberId: this.#memberId,
        protocolType: "consumer",
        groupProtocols: [{ name: ASSIGNER, metadata }],
      }, this.#joinTimeoutMs);
    };
    let answer = await ask();
    if (answer.errorCode === CODE.MEMBER_ID_REQUIRED) {
      this.#memberId = answer.memberId;
      answer = await ask();
    }
    expectSuccess(answer.errorCode, `JoinGroup of "${group}"`);
    return answer;
  }

  /** The coordinator answers when all members have joined, for which they have a session. */
  get #joinTimeoutMs(): number {
    return this.#settings.sessionTimeoutMs + this.#cluster.requestTimeoutMs;
  }

  /** Asks the coordinator. A join can wait for long, so other requests need a connection of their own. */
  async #ask<A extends keyof Requests>(
    purpose: "join" | "commit",
    api: A,
    payload: Requests[A][0],
    timeoutMs = this.#cluster.requestTimeoutMs,
  ): Promise<Requests[A][1]> {
    const coordinator = await this.#findCoordinator();
    this.#closed.signal.throwIfAborted();
    return await this.#cluster.request(
      coordinator,
      `${this.#settings.purpose} ${purpose}`,
      api,
      payload,
      timeoutMs,
    );
  }

  async #findCoordinator(): Promise<number> {
    return this.#coordinator ??= await this.#cluster.findCoordinator(this.#settings.group);
  }

  async #assign(
    members: readonly JoinedMember[],
  ): Promise<Requests["SyncGroup"][0]["groupAssignment"]> {
    const { protocol } = this.#cluster;
    const subscribers = members.map((member) => decodeSubscriber(protocol, member));
    const topics = new Set(subscribers.flatMap((subscriber) => subscriber.topics));
    this.#cluster.watch(topics);
    await this.#cluster.refresh();
    this.#partitionsOf = this.#countPartitions(topics);
    return [...assignPartitions(subscribers, this.#partitionsOf)].map(([memberId, partitions]) => ({
      memberId,
      memberAssignment: encodeAssignment(protocol, partitions),
    }));
  }

  #countPartitions(topics: Iterable<string>): Map<string, number> {
    return new Map([...topics].map((topic) => [topic, this.#cluster.partitions(topic)]));
  }

  async #sync(groupAssignment: Requests["SyncGroup"][0]["groupAssignment"]): Promise<TopicPartition[]> {
    const answer = await this.#ask("join", "SyncGroup", {
      groupId: this.#settings.group,
      generationId: this.#generation,
      memberId: this.#memberId,
      groupAssignment,
    }, this.#joinTimeoutMs);
    expectSuccess(answer.errorCode, `SyncGroup of "${this.#settings.group}"`);
    return decodeAssignment(this.#cluster.protocol, answer.memberAssignment);
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

  async #claim(partitions: readonly TopicPartition[]): Promise<void> {
    const generation = this.#generation;
    const isOver = () => this.#generation !== generation || this.#closed.signal.aborted;
    const positions = await this.#cluster.attempt(
      `Cannot read the commits of the group "${this.#settings.group}"`,
      async () => isOver() ? null : await this.#startPositions(partitions, generation),
      { timeoutMs: FOREVER_MS, signal: this.#closed.signal },
    );
    if (positions && !isOver()) this.#holdings.claim(positions);
  }

  /**
   * Claims a partition anew after its claim was lost only on this side. The heartbeat before it makes sure
   * that the partition is still assigned to this member; after a rebalance the new assignment decides.
   *
   * @param partition No longer claimed.
   */
  reclaim(partition: TopicPartition): void {
    const generation = this.#generation;
    const claim = async () => {
      await this.#beat();
      if (this.#generation === generation && !this.#closed.signal.aborted) await this.#claim([partition]);
    };
    claim().catch((error) => {
      if (!isCode(error, ...STALE_CODES)) this.#failUnlessClosed(error);
    });
  }

  async #startPositions(partitions: readonly TopicPartition[], generation: number): Promise<TopicPosition[]> {
    const { group, purpose, starts, delivery } = this.#settings;
    await this.#holdings.prepare(partitions);
    const coordinator = await this.#findCoordinator();
    const api = delivery === "exactly-once" ? "StableOffsetFetch" : "OffsetFetch";
    const committed = await committedOffsets(
      this.#cluster,
      coordinator,
      `${purpose} commit`,
      group,
      partitions,
      api,
    );
    const { fixed, open } = split(without(partitions, committed), starts);
    // A later owner would otherwise use the ends of its own, later, subscription.
    if (fixed.length > 0) await this.#commitIn(generation, fixed);
    const oldest = open.length > 0 ? await listOffsets(this.#cluster, open, "start") : [];
    return [...committed, ...fixed, ...oldest];
  }

  /** Sends heartbeats; returns when it is time to join again. */
  async #stayUntilRejoin(): Promise<void> {
    let checkedAt = Date.now();
    const over = AbortSignal.any([this.#rejoin.signal, this.#closed.signal]);
    while (true) {
      await sleep(this.#settings.heartbeatMs, over);
      if (over.aborted) return;
      await this.#beat();
      if (!this.#isLeader || Date.now() < checkedAt + PARTITIONS_CHECK_MS) continue;
      checkedAt = Date.now();
      if (await this.#hasNewPartitions()) return;
    }
  }

  async #beat(): Promise<void> {
    try {
      const { group: groupId, sessionTimeoutMs } = this.#settings;
      const payload = { groupId, groupGenerationId: this.#generation, memberId: this.#memberId };
      const { errorCode } = await this.#ask("commit", "Heartbeat", payload, sessionTimeoutMs / 2);
      expectSuccess(errorCode, `Heartbeat of "${groupId}"`);
      this.#backoff.reset();
    } catch (error) {
      // The coordinator is unavailable or has moved to another broker: the membership survives that.
      if (!isRetriable(error)) throw error;
      await this.#recover(error);
    }
  }

  async #hasNewPartitions(): Promise<boolean> {
    await this.#cluster.refresh().catch(() => {});
    const now = this.#countPartitions(this.#partitionsOf.keys());
    return [...now].some(([topic, count]) => count > this.#partitionsOf.get(topic)!);
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
      if (current.length > 0) await this.#commitIn(this.#generation, current);
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
    if (error instanceof ConnectionFault || isCode(error, ...COORDINATOR_CODES)) {
      this.#coordinator = undefined;
    }
    if (!isCode(error, ...STALE_CODES)) return error;
    // A rejection of an earlier generation only means that this member has joined again since.
    const isCurrent = this.#isStable && this.#generation === generation;
    if (isCurrent && !isCode(error, CODE.REBALANCE_IN_PROGRESS)) this.#loseMembership(error);
    this.#rejoin.abort();
    return new BusError("unavailable", `Cannot commit: the group "${this.#settings.group}" is rebalancing`, {
      cause: error,
    });
  }

  async #commitIn(generation: number, positions: readonly TopicPosition[]): Promise<void> {
    const { group: groupId } = this.#settings;
    const topics = byTopic(positions);
    const payload = { groupId, groupGenerationId: generation, memberId: this.#memberId, topics };
    try {
      expectCommitted(await this.#ask("commit", "OffsetCommit", payload));
    } catch (error) {
      throw this.#handleCommitError(error, generation);
    }
  }

  /** Leaves the group, so that others take over at once; waits at most 2 s for the coordinator. */
  async leave(): Promise<void> {
    const { purpose, group: groupId } = this.#settings;
    this.#closed.abort(closedError());
    this.#stable.notify();
    this.#cluster.closeConnections(`${purpose} join`);
    if (this.#memberId !== "" && this.#coordinator !== undefined) {
      const payload = { groupId, memberId: this.#memberId };
      const left = this.#cluster.request(this.#coordinator, `${purpose} commit`, "LeaveGroup", payload);
      await abortable(left.catch(() => {}), AbortSignal.timeout(LEAVE_TIMEOUT_MS));
    }
    this.#cluster.closeConnections(`${purpose} commit`);
  }
}

/**
 * The session timeout for the broker: one heartbeat less than `sessionTimeoutMs`, because the other members
 * learn of an eviction only by their next heartbeat.
 */
function brokersSession({ sessionTimeoutMs, heartbeatMs }: GroupSettings): number {
  return Math.max(Math.min(sessionTimeoutMs, DEFAULT_MIN_SESSION_MS), sessionTimeoutMs - heartbeatMs);
}

function explain(error: unknown, { group, sessionTimeoutMs }: GroupSettings): unknown {
  const invalid = (message: string) => new BusError("invalid", message, { cause: error });
  if (isCode(error, CODE.INCONSISTENT_GROUP_PROTOCOL)) {
    return invalid(`Cannot join the group "${group}": its members use another assignor; choose another name`);
  }
  if (isCode(error, CODE.INVALID_SESSION_TIMEOUT)) {
    const range = "group.min.session.timeout.ms to group.max.session.timeout.ms";
    return invalid(`sessionTimeoutMs is ${sessionTimeoutMs}: expected ${range} of the broker`);
  }
  return toBusError(error, `Cannot join the group "${group}"`);
}
