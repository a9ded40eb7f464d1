/**
 * Where a group starts in partitions for which it has committed nothing.
 *
 * @module
 */
import type { Cluster } from "../net/cluster.ts";
import { denialOf } from "../wire/denial.ts";
import { CODE, expectSuccess, isCode } from "../wire/faults.ts";
import type { Requests } from "../wire/requests.ts";
import { byTopic, committedOffsets, nameOf, type TopicPartition, type TopicPosition } from "../topics.ts";

/** The generation of a client that is not a member. */
export const NO_GENERATION = -1;

/** The partitions that are not among `others`. */
export function without<T extends TopicPartition>(
  partitions: readonly T[],
  others: readonly TopicPartition[],
): T[] {
  const names = new Set(others.map(nameOf));
  return partitions.filter((one) => !names.has(nameOf(one)));
}

/** Throws the first error in the response to a commit. */
export function expectCommitted(group: string, { responses }: Requests["OffsetCommit"][1]): void {
  for (const { topic, partitions } of responses) {
    for (const { partition, errorCode } of partitions) {
      const denial = denialOf(errorCode, "OffsetCommit", { topic, group });
      expectSuccess(errorCode, `The commit of ${nameOf({ topic, partition })}`, denial);
    }
  }
}

/**
 * Commits where a new group starts, so that it keeps that position even if it never commits. Does nothing for
 * partitions that have a commit, or while the group has members, since Kafka accepts commits from outside
 * only for an empty group: the members do it themselves.
 *
 * The ends must have been read before the commits are: otherwise a concurrent call could set a later
 * position.
 *
 * @param cluster The brokers.
 * @param group The group.
 * @param ends End of each partition.
 */
export async function fixStart(
  cluster: Cluster,
  group: string,
  ends: readonly TopicPosition[],
): Promise<void> {
  const place = { node: await cluster.findCoordinator(group), purpose: "admin" };
  const fresh = without(ends, await committedOffsets(cluster, place, group, ends));
  if (fresh.length === 0) return;
  const payload = { groupId: group, groupGenerationId: NO_GENERATION, memberId: "", topics: byTopic(fresh) };
  try {
    expectCommitted(group, await cluster.request(place.node, place.purpose, "OffsetCommit", payload));
  } catch (error) {
    if (!isCode(error, CODE.UNKNOWN_MEMBER_ID, CODE.ILLEGAL_GENERATION)) throw error;
  }
}
