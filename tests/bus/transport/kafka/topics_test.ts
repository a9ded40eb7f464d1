import type { Cluster } from "../../../../bus/transport/kafka/net/cluster.ts";
import { BrokerFault } from "../../../../bus/transport/kafka/wire/faults.ts";
import { describeTopics } from "../../../../bus/transport/kafka/topics.ts";
import { assertEquals, assertRejects } from "../../../../testing/assert.ts";

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
  await assertRejects(
    () => describeTopics(failingCluster(coordinator.promise), "imagebus", () => true),
    BrokerFault,
  );
  clearTimeout(late);
});

/** A cluster that counts for how many partitions it was asked, of two topics. */
function countingCluster(): { cluster: Cluster; asked: Record<string, number> } {
  const asked: Record<string, number> = {};
  type Asked = { topics: { topic: string; partitions: { partition: number }[] }[] };
  const cluster: Partial<Record<keyof Cluster, unknown>> = {
    attempt: (_what: string, operation: () => Promise<unknown>) => operation(),
    allTopics: () => {
      const partitionMetadata = Array.from({ length: 100 }, (_, partitionId) => ({ partitionId, leader: 1 }));
      return Promise.resolve(
        ["foreign", "ours"].map((topic) => ({ topic, isInternal: false, partitionMetadata })),
      );
    },
    findCoordinator: () => Promise.resolve(1),
    request: (_node: number, _purpose: string, api: string, { topics }: Asked) => {
      asked[api] = (asked[api] ?? 0) + topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
      const offset = { offset: "5", errorCode: 0 };
      const responses = topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => ({ partition, ...offset })),
      }));
      return Promise.resolve({ responses, errorCode: 0 });
    },
  };
  return { cluster: cluster as unknown as Cluster, asked };
}

Deno.test("kafka: offsets and commits are looked up only for the topics that are wanted", async () => {
  const { cluster, asked } = countingCluster();
  const infos = await describeTopics(cluster, "group", (name) => name === "ours");
  assertEquals(infos.map(({ name, partitions }) => [name, partitions.length]), [["ours", 100]]);
  assertEquals(asked, { ListOffsets: 200, OffsetFetch: 100 });
});
