/**
 * Shares the partitions of a group out among its members, who may have subscribed to different topics.
 *
 * Each topic is spread evenly over its subscribers, and the total of each member is evened out as far as that allows.
 * Who has a partition keeps it unless evenness asks otherwise. What is to move is left to its owner's release first
 * (KIP-429, incremental cooperative rebalancing): it is given to nobody until its owner has joined without it.
 *
 * @module
 */
import type { TopicPartition } from "../topics.ts";

/** A member of a group. */
export interface GroupSubscriber {
  /** The name the coordinator gave it. */
  readonly memberId: string;
  /** What it has subscribed to. */
  readonly topics: readonly string[];
  /** What it owns at the moment. */
  readonly owned: readonly TopicPartition[];
  /** In which generation of the group it was given that: of two owners, the one of the later generation is right. */
  readonly generation: number;
}

/** For each member, what it is to own. */
export type Assignment = Map<string, TopicPartition[]>;

/**
 * Assigns partitions to members. The same input gives the same result, whatever its order.
 *
 * @param members The members of the group.
 * @param partitionsOf How many partitions each topic has; topics that are not in it do not exist.
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
  shares.even();
  return shares.withoutOwnedBy(ownerOf);
}

/** Who owns what, by topic and partition. Of two who claim the same in one generation, neither does. */
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

  give(topic: string, partitions: readonly number[]): void {
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

  /** Gives each subscriber of a topic as many of its partitions as the others, or one more. */
  spread(topic: string, count: number, ownerOf: OwnerOf): void {
    const owned = Map.groupBy(Array.from({ length: count }, (_, partition) => partition), (partition) => {
      return ownerOf(topic, partition) ?? "";
    });
    const has = ({ member }: Share) => owned.get(member.memberId) ?? [];
    const takers = this.#shares.filter((share) => share.has(topic))
      .sort((a, b) => has(b).length - has(a).length || a.total - b.total);
    const quota = (index: number) =>
      Math.floor(count / takers.length) + (index < count % takers.length ? 1 : 0);
    const kept = takers.map((share, index) => has(share).slice(0, quota(index)));
    const free = new Set(Array.from({ length: count }, (_, partition) => partition)).difference(
      new Set(kept.flat()),
    );
    const rest = [...free];
    for (const [index, share] of takers.entries()) {
      const mine = kept[index]!;
      share.give(topic, [...mine, ...rest.splice(0, quota(index) - mine.length)]);
    }
  }

  /** Moves what is one more from members with much in total to members with little. */
  even(): void {
    while (this.#shares.some((from) => this.#shares.some((to) => moveOne(from, to))));
  }

  /** What each member gets now: not what another still owns. */
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
    to.give(topic, [from.takeOne(topic)]);
    return true;
  }
  return false;
}
