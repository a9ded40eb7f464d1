import { KafkaSubscription } from "../../../../bus/transport/kafka/consumer/subscription.ts";
import { checkKafkaOptions } from "../../../../bus/transport/kafka/options.ts";
import { checkSubscribeOptions } from "../../../../bus/transport/validate.ts";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import { requestTopic } from "../../../../bus/topics.ts";
import { MODEL } from "../../../../tools/chaos/versions.ts";
import { OwnKafka } from "../../../../tools/chaos/own_kafka.ts";
import { isUnknownTopic, Replicas } from "../../../../tools/chaos/replicas.ts";
import { freePorts, startKafkaCluster } from "../../../../testing/brokers/kafka_cluster.ts";
import { createTopics } from "../../../../testing/brokers/kafkajs.ts";
import { type Admin, ConfigResourceTypes, Kafka, logLevel } from "npm:kafkajs@2.2.4";
import { assert, assertEquals, assertRejects } from "../../../../testing/assert.ts";
import { NO_OWN_KAFKA, QUICK, testKafka } from "../../../../testing/brokers/kafka.ts";
import { eventually, within } from "../suite/harness.ts";
import { numbered, Reader } from "../suite/reader.ts";
import { openCluster } from "./batches.ts";

const TOPIC = requestTopic(MODEL);

async function onceKnown<T>(topic: string, ask: () => Promise<T>): Promise<T> {
  let answer!: T;
  await eventually(`every broker knows ${topic}`, async () => {
    try {
      answer = await ask();
      return true;
    } catch (error) {
      if (isUnknownTopic(error)) return false;
      throw error;
    }
  });
  return answer;
}

async function replicasOf(admin: Admin, topic: string): Promise<number[]> {
  const { topics: [{ partitions } = { partitions: [] }] } = await admin.fetchTopicMetadata({
    topics: [topic],
  });
  return partitions.map(({ replicas }) => replicas.length);
}

async function minInSyncOf(admin: Admin, topic: string): Promise<string | undefined> {
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic, configNames: ["min.insync.replicas"] };
  const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: false });
  return resources[0]?.configEntries[0]?.configValue;
}

testKafka(
  "topics on three brokers have three replicas, and can be written and read after their leader stopped",
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "imagebus-test-kafka-" });
    try {
      await using own = await OwnKafka.start(directory, 3);
      const brokers = own.url.slice("kafka://".length).split(",");
      await using transport = await openKafkaTransport(brokers, QUICK);
      await transport.ensureTopics([TOPIC]);
      await using subscription = await transport.subscribe([TOPIC], { group: "g" });
      const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      await eventually("the topic of the groups exists", async () => {
        return (await admin.listTopics()).includes("__consumer_offsets");
      });
      for (const topic of [TOPIC, "__consumer_offsets"]) {
        assertEquals([...new Set(await onceKnown(topic, () => replicasOf(admin, topic)))], [3], topic);
        assertEquals(await onceKnown(topic, () => minInSyncOf(admin, topic)), "2", topic);
      }
      await admin.disconnect();

      const replicas = new Replicas({ brokers });
      const before = await replicas.leader(TOPIC, 0);
      await own.restartLeader(0, "stop", 0);
      assert(await replicas.leader(TOPIC, 0) !== before, `partition 0 is still led by ${before}`);
      await transport.send(TOPIC, [{ value: new Uint8Array([7]) }]);
      for await (const { messages } of subscription) {
        assertEquals([...messages[0]!.value], [7]);
        break;
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
  NO_OWN_KAFKA,
);

Deno.test("kafka: a cluster of two brokers is refused, since neither could continue without the other", async () => {
  await assertRejects(() => startKafkaCluster({ ports: [1, 2], dataDir: "/nowhere" }), RangeError);
});

/** A reader in a rack, and the brokers that it has fetched from. */
async function readerIn(rack: string, topic: string, brokers: readonly string[]) {
  const cluster = await openCluster(brokers);
  cluster.watch([topic]);
  await cluster.refresh();
  const sources: number[] = [];
  const { request } = cluster;
  cluster.request = (node, purpose, api, ...rest) => {
    if (api === "Fetch") sources.push(node);
    return request.call(cluster, node, purpose, api, ...rest) as never;
  };
  const subscription = new KafkaSubscription(cluster, {
    ...checkKafkaOptions({ rack }),
    ...checkSubscribeOptions({}),
    purpose: "test",
    transactions: null,
    onClosed: () => cluster.close(),
  });
  subscription.claimAll([{ topic, partition: 0, offset: 0 }]);
  return { reader: new Reader(subscription), sources };
}

testKafka(
  "messages are read from the replica in the same rack; a partition without a leader keeps neither the others from being listed, nor messages without a key from being sent",
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "imagebus-test-kafka-" });
    try {
      await using cluster = await startKafkaCluster({
        ports: freePorts(3),
        dataDir: directory,
        racks: ["a", "b", "c"],
      });
      const brokers = cluster.brokers.map(({ brokers }) => brokers);
      const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      const on = (...nodes: number[]) => nodes.map((node, partition) => ({ partition, replicas: [node] }));
      await createTopics(admin, [
        { topic: "foreign", replicaAssignment: on(3) },
        { topic: "partly", replicaAssignment: on(1, 3) },
        { topic: "near", replicaAssignment: [{ partition: 0, replicas: [1, 2, 3] }] },
      ]);
      await admin.disconnect();
      await using transport = await openKafkaTransport(brokers.slice(0, 2), QUICK);
      await transport.ensureTopics(["ours"]);
      await transport.send("near", numbered(5));
      const near = await readerIn("c", "near", brokers.slice(0, 2));
      await using reader = near.reader;
      await reader.until(5);
      await transport.send("near", numbered(5));
      await reader.until(10);
      assertEquals([near.sources[0], near.sources.at(-1), new Set(near.sources.slice(1))], [
        1,
        3,
        new Set([3]),
      ]);
      await cluster.brokers[2]!.stop();
      await eventually("only what has a leader is listed", async () => {
        const names = (await transport.topics()).map(({ name }) => name);
        return names.join() === "near,ours,partly";
      });
      const sends = Array.from(
        { length: 10 },
        () => transport.send("partly", [{ value: new Uint8Array(1) }]),
      );
      await within(Promise.all(sends), "messages without a key, while a partition has no leader", 10_000);
      await transport.send("near", numbered(5));
      await reader.until(15);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
  NO_OWN_KAFKA,
);
