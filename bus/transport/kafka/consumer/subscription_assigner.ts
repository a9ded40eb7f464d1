/**
 * Assigns the partitions of a group to its members, which may have subscribed to different topics.
 *
 * Each topic is spread evenly over its subscribers; as far as that allows, so is the total. Owners keep their
 * partitions unless the balance requires a move. A partition that moves is assigned to nobody until its owner
 * has released it and joined again (KIP-429, incremental cooperative rebalancing).
 *
 * @module
 */
import type { TopicPartition } from "../topics.ts";

/** A member of a group. */
export interface GroupSubscriber {
  /** Its id, from the coordinator. */
  readonly memberId: string;
  /** The topics that it subscribes to. */
  readonly topics: readonly string[];
  /** The partitions that it owns at the moment. */
  readonly owned: readonly TopicPartition[];
  /** The generation in which they were assigned: of two owners, the one of the later generation counts. */
  readonly generation: number;
}

/** The partitions of each member. */
export type Assignment = Map<string, TopicPartition[]>;

/**
 * Assigns partitions to members. The result does not depend on the order of the members.
 *
 * @param members The members of the group.
 * @param partitionsOf Number of partitions of each topic; topics that are not in it do not exist.
 * @returns An entry for every member.
 *
 * @example
 * ```ts
 * import { assignPartitions } from "./subscription_assigner.ts";
 * const member = (memberId: string) => ({ memberId, topics: ["t"], owned: [], generation: -1 });
 * const assignment = assignPartitions([member("a"), member("b")], new Map([["t", 4]]));
 * console.assert(assignment.get("a")!.length === 2);
 * ```
 */
export function assignPartitions(
  members: readonly GroupSubscriber[],
  partitionsOf: ReadonlyMap<string, number>,
): Assignment {
  const sorted = members.toSorted((a, b) => a.memberId < b.memberId ? -1 : 1);
  const ownerOf = owners(sorted);
  const shares = sorted.map((member) => new Share(member));
  for (const [topic, count] of [...partitionsOf].sort()) spread(shares, topic, count, ownerOf);
  while (shares.some((from) => shares.some((to) => moveOne(from, to))));
  return new Map(shares.map((share) => [share.memberId, share.withoutOwnedBy(ownerOf)]));
}

type OwnerOf = (topic: string, partition: number) => string | undefined;

/** The owner of each partition. If two members of one generation claim it, neither owns it. */
function owners(members: readonly GroupSubscriber[]): OwnerOf {
  const found = new Map<string, { readonly memberId: string | undefined; readonly generation: number }>();
  for (const { memberId, owned, generation } of members) {
    for (const { topic, partition } of owned) {
      const key = `${topic} ${partition}`;
      const known = found.get(key)?.generation ?? -Infinity;
      if (generation < known) continue;
      found.set(key, { memberId: generation === known ? undefined : memberId, generation });
    }
  }
  return (topic, partition) => found.get(`${topic} ${partition}`)?.memberId;
}

/** The partitions that a member is to have. */
class Share {
  readonly memberId: string;
  readonly topics: readonly string[];
  readonly partitions = new Map<string, number[]>();
  total = 0;

  constructor({ memberId, topics }: GroupSubscriber) {
    this.memberId = memberId;
    this.topics = topics;
  }

  count(topic: string): number {
    return this.partitions.get(topic)?.length ?? 0;
  }

  add(topic: string, partitions: readonly number[]): void {
    this.partitions.set(topic, [...this.partitions.get(topic) ?? [], ...partitions]);
    this.total += partitions.length;
  }

  takeOne(topic: string): number {
    this.total--;
    return this.partitions.get(topic)!.pop()!;
  }

  /** All of them, except those that other members still own. */
  withoutOwnedBy(ownerOf: OwnerOf): TopicPartition[] {
    const isFree = (topic: string, partition: number) =>
      (ownerOf(topic, partition) ?? this.memberId) === this.memberId;
    return [...this.partitions].flatMap(([topic, numbers]) =>
      numbers.filter((partition) => isFree(topic, partition)).map((partition) => ({ topic, partition }))
    );
  }
}

/** Spreads a topic over its subscribers: their numbers of partitions differ by one at most. */
function spread(shares: readonly Share[], topic: string, count: number, ownerOf: OwnerOf): void {
  const all = Array.from({ length: count }, (_, partition) => partition);
  const ownedBy = Map.groupBy(all, (partition) => ownerOf(topic, partition));
  const has = ({ memberId }: Share) => ownedBy.get(memberId) ?? [];
  const subscribers = shares.filter(({ topics }) => topics.includes(topic))
    .sort((a, b) => has(b).length - has(a).length || a.total - b.total);
  const quota = (index: number) =>
    Math.floor(count / subscribers.length) + (index < count % subscribers.length ? 1 : 0);
  const kept = subscribers.map((share, index) => has(share).slice(0, quota(index)));
  const rest = [...new Set(all).difference(new Set(kept.flat()))];
  for (const [index, share] of subscribers.entries()) {
    const mine = kept[index]!;
    share.add(topic, [...mine, ...rest.splice(0, quota(index) - mine.length)]);
  }
}

/**
 * Evens out the totals: moves a partition of a topic of which a member has one more than another.
 *
 * @returns Whether one was moved.
 */
function moveOne(from: Share, to: Share): boolean {
  if (from.total < to.total + 2) return false;
  for (const topic of from.partitions.keys()) {
    if (!to.topics.includes(topic) || from.count(topic) <= to.count(topic)) continue;
    to.add(topic, [from.takeOne(topic)]);
    return true;
  }
  return false;
}
