import type { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { BrokerFault } from "../../../../bus/transport/kafka/wire/faults.ts";
import { describeTopics } from "../../../../bus/transport/kafka/topics.ts";
import { assertRejects } from "../../../../testing/assert.ts";

/** A cluster with a slow coordinator, and a topic whose offsets cannot be read since its leader changed. */
function failingCluster(coordinator: Promise<number>): Cluster {
  const cluster: Partial<Record<keyof Cluster, unknown>> = {
    attempt: (_what: string, operation: () => Promise<unknown>) => operation(),
    allTopics: () => {
      const partitionMetadata = [{ partitionId: 0, leader: 1 }];
      return Promise.resolve([{ topic: "images", isInternal: false, partitionMetadata }]);
    },
    request: () => Promise.reject(new BrokerFault(6, "The offset of images 0")),
    findCoordinator: () => coordinator,
  };
  return cluster as unknown as Cluster;
}

Deno.test("kafka: offsets that cannot be read during the search for the coordinator reject, and do not end the process", async () => {
  const coordinator = Promise.withResolvers<number>();
  const late = setTimeout(() => coordinator.resolve(1), 100);
  await assertRejects(() => describeTopics(failingCluster(coordinator.promise), "imagebus"), BrokerFault);
  clearTimeout(late);
});
