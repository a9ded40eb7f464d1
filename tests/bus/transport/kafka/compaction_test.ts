import { Buffer } from "node:buffer";
import { Kafka, logLevel } from "npm:kafkajs@2.2.4";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import { assertEquals } from "../../../../testing/assert.ts";
import { NO_OWN_KAFKA, testKafka } from "../../../../testing/brokers/kafka.ts";
import { startKafka } from "../../../../testing/brokers/kafka_broker.ts";
import { eventually, unique, within } from "../suite/harness.ts";
import { Reader } from "../suite/reader.ts";

/** Two of them do not fit into one segment, so that the cleaner does not join their segments. */
const LARGE = Buffer.alloc(700_000);
const COMPACTED = {
  "cleanup.policy": "compact",
  "segment.bytes": "1048576",
  "segment.ms": "100",
  "min.cleanable.dirty.ratio": "0.001",
  "delete.retention.ms": "0",
};
const COUNT_AT = 57;

/** The last batch of each segment of a log, as the number of its records. */
async function lastCounts(directory: string): Promise<number[]> {
  const counts: number[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (!name.endsWith(".log")) continue;
    const log = Buffer.from(await Deno.readFile(`${directory}/${name}`));
    let count = -1;
    for (let at = 0; at + 61 <= log.length; at += 12 + log.readInt32BE(at + 8)) {
      count = log.readInt32BE(at + COUNT_AT);
    }
    counts.push(count);
  }
  return counts;
}

testKafka("a batch that compaction has emptied is read past", async () => {
  await using broker = await startKafka({ config: { "log.cleaner.backoff.ms": 100 } });
  const topic = unique("compacted");
  const client = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  const configEntries = Object.entries(COMPACTED).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] });
  await admin.disconnect();
  // The cleaner keeps the last batch of a producer with an id, even if nothing of it remains.
  const producer = client.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  await producer.send({ topic, messages: [{ key: "kept", value: LARGE }] });
  await producer.send({ topic, messages: [{ key: "removed", value: null }] });
  await producer.disconnect();
  await using transport = await openKafkaTransport([broker.brokers]);
  let sent = 0;
  await eventually("the tombstone is gone, and its batch the last of a segment", async () => {
    await new Promise((resolve) => setTimeout(resolve, 150));
    await transport.send(topic, [{ key: `${sent++}`, value: LARGE }]);
    return (await lastCounts(`${broker.dataDir}/log/${topic}-0`)).includes(0);
  });
  await using reader = await Reader.open(transport, [topic], { until: "end" });
  await within(reader.ended, "the end of the compacted log");
  assertEquals(reader.messages.map(({ key }) => key), [
    "kept",
    ...Array.from({ length: sent }, (_, i) => `${i}`),
  ]);
}, NO_OWN_KAFKA);
