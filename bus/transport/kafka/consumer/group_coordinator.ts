import { abortable } from "../../../../lib/abortable.ts";
import { BusError } from "../../errors.ts";
import type { Delivery } from "../../transport.ts";
import type { Cluster } from "../net/cluster.ts";
import { byTopic, committedOffsets, type TopicPartition, type TopicPosition } from "../topics.ts";
import { denialOf } from "../wire/denial.ts";
import { CODE, expectSuccess, isCode, toBusError } from "../wire/faults.ts";
import {
  ASSIGNER,
  decodeAssignment,
  decodeSubscriber,
  encodeAssignment,
  encodeSubscriber,
} from "../wire/group_protocol.ts";
import type { Requests } from "../wire/requests.ts";
import { expectCommitted, NO_GENERATION } from "./group_start.ts";
import type { Assignment, GroupSubscriber } from "./subscription_assigner.ts";

/** Settings of a group member. */
export interface GroupSettings {
  readonly group: string;
  readonly topics: readonly string[];
  /** Of a static member: a process with the same name takes its place within the session, without a rebalance. */
  readonly groupInstanceId: string | undefined;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  /** `"exactly-once"`: members commit in transactions. */
  readonly delivery: Delivery;
  /** Prefix of the purposes of its connections. */
  readonly purpose: string;
  /** Where to start without a commit; without an entry at the oldest message. */
  readonly starts: readonly TopicPosition[];
}

/** Brokers reject shorter sessions by default (`group.min.session.timeout.ms`). */
const DEFAULT_MIN_SESSION_MS = 6_000;
const LEAVE_TIMEOUT_MS = 2_000;

/**
 * The requests of one member to the coordinator of its group: the broker that keeps the members and the commits.
 *
 * Each method rejects with the fault that the coordinator reports. A join can wait for long, and a broker answers the
 * requests of one connection in order, so joins have a connection of their own.
 */
export class GroupCoordinator {
  /** Id of the member, given by the coordinator; empty before that, and to be cleared when it is no longer known. */
  memberId = "";
  /** The generation that the member is in. */
  generation = NO_GENERATION;
  readonly #cluster: Cluster;
  readonly #settings: GroupSettings;
  readonly #closed: AbortSignal;
  #node: number | undefined;

  /** @param closed No connection is opened after this. */
  constructor(cluster: Cluster, settings: GroupSettings, closed: AbortSignal) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#closed = closed;
  }

  /**
   * Joins the next generation. The coordinator answers when all members have joined, for which they have a session.
   *
   * @param owned The claimed partitions.
   * @returns All members, if this one is the leader, which assigns the partitions; otherwise `null`.
   */
  async join(owned: readonly TopicPartition[]): Promise<GroupSubscriber[] | null> {
    const { group: groupId, topics, sessionTimeoutMs: rebalanceTimeout } = this.#settings;
    const { protocol } = this.#cluster;
    const metadata = encodeSubscriber(protocol, { topics, owned, generation: this.generation });
    const ask = () =>
      this.#ask("join", "JoinGroup", {
        groupId,
        sessionTimeout: brokersSession(this.#settings),
        rebalanceTimeout,
        memberId: this.memberId,
        groupInstanceId: this.#instance,
        protocolType: "consumer",
        groupProtocols: [{ name: ASSIGNER, metadata }],
      }, this.#joinTimeoutMs);
    let answer = await ask();
    if (answer.errorCode === CODE.MEMBER_ID_REQUIRED) {
      this.memberId = answer.memberId;
      answer = await ask();
    }
    this.#expectSuccess(answer.errorCode, "JoinGroup");
    this.memberId = answer.memberId;
    this.generation = answer.generationId;
    if (answer.leaderId !== answer.memberId) return null;
    return answer.members.map((member) => decodeSubscriber(protocol, member));
  }

  get #instance(): string | null {
    return this.#settings.groupInstanceId ?? null;
  }

  get #joinTimeoutMs(): number {
    return this.#settings.sessionTimeoutMs + this.#cluster.requestTimeoutMs;
  }

  /**
   * Ends the rebalance.
   *
   * @param assignment The partitions of all members, from the leader; empty from the others.
   * @returns The partitions of this member.
   */
  async sync(assignment: Assignment): Promise<TopicPartition[]> {
    const { protocol } = this.#cluster;
    const { errorCode, memberAssignment } = await this.#ask("join", "SyncGroup", {
      groupId: this.#settings.group,
      generationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: this.#instance,
      groupAssignment: [...assignment].map(([memberId, partitions]) => ({
        memberId,
        memberAssignment: encodeAssignment(protocol, partitions),
      })),
    }, this.#joinTimeoutMs);
    this.#expectSuccess(errorCode, "SyncGroup");
    return decodeAssignment(protocol, memberAssignment);
  }

  /** Sends a heartbeat. */
  async beat(): Promise<void> {
    const { group: groupId, sessionTimeoutMs } = this.#settings;
    const payload = {
      groupId,
      groupGenerationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: this.#instance,
    };
    const { errorCode } = await this.#ask("commit", "Heartbeat", payload, sessionTimeoutMs / 2);
    this.#expectSuccess(errorCode, "Heartbeat");
  }

  /** Commits positions, as a member of a generation. */
  async commit(groupGenerationId: number, positions: readonly TopicPosition[]): Promise<void> {
    const { memberId } = this;
    const payload = {
      groupId: this.#settings.group,
      groupGenerationId,
      memberId,
      topics: byTopic(positions),
    };
    expectCommitted(this.#settings.group, await this.#ask("commit", "OffsetCommit", payload));
  }

  /** Which of these partitions have a commit, and where. */
  async committed(partitions: readonly TopicPartition[]): Promise<TopicPosition[]> {
    const { group, delivery } = this.#settings;
    const api = delivery === "exactly-once" ? "StableOffsetFetch" : "OffsetFetch";
    const place = { node: await this.#find(), purpose: this.#purpose("commit") };
    return await committedOffsets(this.#cluster, place, group, partitions, api);
  }

  /** Leaves the group, so that others take over at once; waits at most 2 s. A static member leaves by its session. */
  async leave(): Promise<void> {
    const purpose = this.#purpose("commit");
    this.#cluster.closeConnections(this.#purpose("join"));
    if (this.memberId !== "" && this.#node !== undefined && this.#instance === null) {
      const payload = { groupId: this.#settings.group, memberId: this.memberId };
      const left = this.#cluster.request(this.#node, purpose, "LeaveGroup", payload);
      await abortable(left.catch(() => {}), AbortSignal.timeout(LEAVE_TIMEOUT_MS));
    }
    this.#cluster.closeConnections(purpose);
  }

  /** Looks the coordinator up again before the next request. */
  forget(): void {
    this.#node = undefined;
  }

  async #find(): Promise<number> {
    return this.#node ??= await this.#cluster.findCoordinator(this.#settings.group);
  }

  async #ask<A extends keyof Requests>(
    purpose: "join" | "commit",
    api: A,
    payload: Requests[A][0],
    timeoutMs = this.#cluster.requestTimeoutMs,
  ): Promise<Requests[A][1]> {
    const node = await this.#find();
    this.#closed.throwIfAborted();
    return await this.#cluster.request(node, this.#purpose(purpose), api, payload, timeoutMs);
  }

  #purpose(of: "join" | "commit"): string {
    return `${this.#settings.purpose} ${of}`;
  }

  #expectSuccess(code: number, api: keyof Requests): void {
    const { group } = this.#settings;
    expectSuccess(code, `${api} of "${group}"`, denialOf(code, api, { group }));
  }
}

/**
 * The session timeout for the broker: one heartbeat less than `sessionTimeoutMs`, because the other members
 * learn of an eviction only by their next heartbeat.
 */
function brokersSession({ sessionTimeoutMs, heartbeatMs }: GroupSettings): number {
  return Math.max(Math.min(sessionTimeoutMs, DEFAULT_MIN_SESSION_MS), sessionTimeoutMs - heartbeatMs);
}

/** Why a member cannot continue, for users of the transport. */
export function explainGroupError(
  error: unknown,
  { group, groupInstanceId, sessionTimeoutMs }: GroupSettings,
): unknown {
  const invalid = (message: string) => new BusError("invalid", message, { cause: error });
  if (isCode(error, CODE.INCONSISTENT_GROUP_PROTOCOL)) {
    return invalid(`Cannot join the group "${group}": its members use another assignor; choose another name`);
  }
  if (isCode(error, CODE.INVALID_SESSION_TIMEOUT)) {
    const range = "group.min.session.timeout.ms to group.max.session.timeout.ms";
    return invalid(`sessionTimeoutMs is ${sessionTimeoutMs}: expected ${range} of the broker`);
  }
  if (isCode(error, CODE.FENCED_INSTANCE_ID)) {
    return invalid(
      `Cannot stay in the group "${group}": another member has the groupInstanceId "${groupInstanceId}" too; ` +
        "expected one of its own for each process",
    );
  }
  return toBusError(error, `Cannot join the group "${group}"`);
}
