import { Kafka, logLevel } from "npm:kafkajs@2.2.4";
import { testWorker } from "./worker_suite.ts";

const BROKERS = Deno.env.get("KAFKA_BROKERS");
const TOPICS = ["imagebus.mnist", "imagebus.fashion-mnist", "topic_mnist", "topic_fashion"];

/** Puts a new group at the end of what is there already. */
async function passOver(group: string): Promise<void> {
  const admin = new Kafka({ brokers: BROKERS!.split(","), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    for (const topic of TOPICS.filter((name) => existing.has(name))) {
      const ends = await admin.fetchTopicOffsets(topic);
      const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
      await admin.setOffsets({ groupId: group, topic, partitions });
    }
  } finally {
    await admin.disconnect();
  }
}

testWorker({
  name: "kafka",
  ignore: BROKERS === undefined ? "needs KAFKA_BROKERS, which deno task test sets" : undefined,
  url: () => `kafka://${BROKERS}`,
  prepare: passOver,
});
