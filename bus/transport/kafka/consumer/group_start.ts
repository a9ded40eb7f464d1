/**
 * Where a group begins in partitions for which it has committed nothing.
 *
 * @module
 */
import type { Cluster } from "../net/cluster.ts";
import { CODE, expectSuccess, isCode } from "../wire/faults.ts";
import type { Requests } from "../wire/requests.ts";
import { byTopic, committedOffsets, nameOf, type TopicPartition, type TopicPosition } from "../topics.ts";

/** The generation of who is no member. */
export const NO_GENERATION = -1;

/** The partitions that are not among the others. */
export function without<T extends TopicPartition>(
  partitions: readonly T[],
  others: readonly TopicPartition[],
): T[] {
  const names = new Set(others.map(nameOf));
  return partitions.filter((one) => !names.has(nameOf(one)));
}

/**
 * Parts partitions whose beginning was fixed when the group was subscribed to from those that begin at their start.
 *
 * @param partitions The partitions.
 * @param starts The fixed beginnings, by topic and partition.
 */
export function split(
  partitions: readonly TopicPartition[],
  starts: ReadonlyMap<string, number>,
): { fixed: TopicPosition[]; open: TopicPartition[] } {
  const fixed = partitions.flatMap(({ topic, partition }) => {
    const offset = starts.get(nameOf({ topic, partition }));
    return offset === undefined ? [] : [{ topic, partition, offset }];
  });
  return { fixed, open: without(partitions, fixed) };
}

/** Throws the first error among the answers to a commit. */
export function expectCommitted({ responses }: Requests["OffsetCommit"][1]): void {
  for (const { topic, partitions } of responses) {
    for (const { partition, errorCode } of partitions) {
      expectSuccess(errorCode, `The commit of ${nameOf({ topic, partition })}`);
    }
  }
}

/**
 * Writes down where a new group begins, so that it keeps its place from before it first joins. Does nothing for
 * partitions that have a commit, or while the group has members: they do it.
 *
 * The ends must have been read before: then no other that does the same at the same time can set a later one.
 *
 * @param cluster Where.
 * @param group The group.
 * @param purpose The purpose to ask on.
 * @param ends Where each partition ended.
 */
export async function fixStart(
  cluster: Cluster,
  group: string,
  purpose: string,
  ends: readonly TopicPosition[],
): Promise<void> {
  const coordinator = await cluster.findCoordinator(group);
  const fresh = without(ends, await committedOffsets(cluster, coordinator, purpose, group, ends));
  if (fresh.length === 0) return;
  const payload = { groupId: group, groupGenerationId: NO_GENERATION, memberId: "", topics: byTopic(fresh) };
  try {
    expectCommitted(await cluster.request(coordinator, purpose, "OffsetCommit", payload));
  } catch (error) {
    if (!isCode(error, CODE.UNKNOWN_MEMBER_ID, CODE.ILLEGAL_GENERATION)) throw error;
  }
}
