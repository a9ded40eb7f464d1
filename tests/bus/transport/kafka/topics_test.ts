import type { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { BrokerFault } from "../../../../bus/transport/kafka/wire/faults.ts";
import { describeTopics } from "../../../../bus/transport/kafka/topics.ts";
import { assertRejects } from "../../../../testing/assert.ts";

/** Has one topic whose offsets can't be read, because it has just changed its leader; the group's coordinator is slow. */
function changingCluster(coordinator: Promise<number>): Cluster {
  const cluster: Partial<Record<keyof Cluster, unknown>> = {
    attempt: (_what: string, operation: () => Promise<unknown>) => operation(),
    refreshAll: () => Promise.resolve([{ topic: "pictures", isInternal: false }]),
    partitions: () => 1,
    leader: () => 1,
    request: () => Promise.reject(new BrokerFault(6, "The offset of pictures 0")),
    findCoordinator: () => coordinator,
  };
  return cluster as unknown as Cluster;
}

Deno.test("kafka: offsets that can't be read while the coordinator is looked for reject, and do not end the process", async () => {
  const coordinator = Promise.withResolvers<number>();
  const late = setTimeout(() => coordinator.resolve(1), 100);
  await assertRejects(() => describeTopics(changingCluster(coordinator.promise), "imagebus"), BrokerFault);
  clearTimeout(late);
});
