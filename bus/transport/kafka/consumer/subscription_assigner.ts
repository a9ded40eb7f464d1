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
  const shares = new Shares(sorted);
  for (const [topic, count] of [...partitionsOf].sort()) shares.spread(topic, count, ownerOf);
  shares.balance();
  return shares.withoutOwnedBy(ownerOf);
}

/** The owner of each partition. If two members of one generation claim it, neither owns it. */
function owners(
  members: readonly GroupSubscriber[],
): (topic: string, partition: number) => string | undefined {
  const found = new Map<string, { memberId: string; generation: number } | null>();
  const generations = new Map<string, number>();
  for (const { memberId, owned, generation } of members) {
    for (const { topic, partition } of owned) {
      const key = `${topic} ${partition}`;
      const known = generations.get(key) ?? -Infinity;
      if (generation < known) continue;
      found.set(key, generation === known ? null : { memberId, generation });
      generations.set(key, generation);
    }
  }
  return (topic, partition) => found.get(`${topic} ${partition}`)?.memberId;
}

type OwnerOf = ReturnType<typeof owners>;

class Share {
  readonly member: GroupSubscriber;
  readonly partitions = new Map<string, number[]>();
  total = 0;

  constructor(member: GroupSubscriber) {
    this.member = member;
  }

  has(topic: string): boolean {
    return this.member.topics.includes(topic);
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
}

class Shares {
  readonly #shares: readonly Share[];

  constructor(members: readonly GroupSubscriber[]) {
    this.#shares = members.map((member) => new Share(member));
  }

  /** Spreads a topic over its subscribers: their numbers of partitions differ by one at most. */
  spread(topic: string, count: number, ownerOf: OwnerOf): void {
    const owned = Map.groupBy(Array.from({ length: count }, (_, partition) => partition), (partition) => {
      return ownerOf(topic, partition) ?? "";
    });
    const has = ({ member }: Share) => owned.get(member.memberId) ?? [];
    const subscribers = this.#shares.filter((share) => share.has(topic))
      .sort((a, b) => has(b).length - has(a).length || a.total - b.total);
    const quota = (index: number) =>
      Math.floor(count / subscribers.length) + (index < count % subscribers.length ? 1 : 0);
    const kept = subscribers.map((share, index) => has(share).slice(0, quota(index)));
    const free = new Set(Array.from({ length: count }, (_, partition) => partition)).difference(
      new Set(kept.flat()),
    );
    const rest = [...free];
    for (const [index, share] of subscribers.entries()) {
      const mine = kept[index]!;
      share.add(topic, [...mine, ...rest.splice(0, quota(index) - mine.length)]);
    }
  }

  /** Evens out the totals: moves partitions of topics of which a member has one more than another. */
  balance(): void {
    while (this.#shares.some((from) => this.#shares.some((to) => moveOne(from, to))));
  }

  /** The assignment, without partitions that other members still own. */
  withoutOwnedBy(ownerOf: OwnerOf): Assignment {
    return new Map(this.#shares.map(({ member: { memberId }, partitions }) => {
      const list = [...partitions].flatMap(([topic, numbers]) =>
        numbers.map((partition) => ({ topic, partition }))
      );
      return [
        memberId,
        list.filter(({ topic, partition }) => (ownerOf(topic, partition) ?? memberId) === memberId),
      ];
    }));
  }
}

/** @returns Whether a partition was moved. */
function moveOne(from: Share, to: Share): boolean {
  if (from.total < to.total + 2) return false;
  for (const topic of from.partitions.keys()) {
    if (!to.has(topic) || from.count(topic) <= to.count(topic)) continue;
    to.add(topic, [from.takeOne(topic)]);
    return true;
  }
  return false;
}
