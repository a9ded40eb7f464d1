import type { Cluster } from "./net/cluster.ts";
import { byLeader, byTopic, describeTopics, noLeader, titleOf, type TopicPosition } from "./topics.ts";
import { denialOf } from "./wire/denial.ts";
import { expectSuccess } from "./wire/faults.ts";

const TIMEOUT_MS = 10_000;

/**
 * Removes the oldest messages of a topic, for {@linkcode Transport.removeBefore}.
 *
 * @param cluster The brokers.
 * @param topic Its name.
 * @param before By partition, the offset of the first message to keep.
 * @throws {BusError} `unavailable`, `denied`, `invalid`.
 */
export async function removeBefore(
  cluster: Cluster,
  topic: string,
  before: ReadonlyMap<number, number>,
): Promise<void> {
  const [info] = await describeTopics(cluster, undefined, [topic]);
  const positions = (info?.partitions ?? []).flatMap(({ partition, start, end }) => {
    const offset = Math.min(before.get(partition) ?? 0, end);
    return offset > start ? [{ topic, partition, offset }] : [];
  });
  if (positions.length === 0) return;
  cluster.watch([topic]);
  await cluster.attempt(`Cannot remove messages of ${topic}`, async () => {
    await cluster.refresh();
    await Promise.all(
      [...byLeader(cluster, positions)].map(([leader, some]) => remove(cluster, leader, some)),
    );
  });
}

async function remove(cluster: Cluster, leader: number | undefined, positions: readonly TopicPosition[]) {
  if (leader === undefined) throw noLeader(positions[0]!);
  const payload = { topics: byTopic(positions), timeout: TIMEOUT_MS };
  const { topics } = await cluster.request(leader, "admin", "DeleteRecords", payload);
  for (const { topic, partitions } of topics) {
    for (const { partition, errorCode } of partitions) {
      expectSuccess(
        errorCode,
        titleOf({ topic, partition }),
        denialOf(errorCode, "DeleteRecords", { topic }),
      );
    }
  }
}
