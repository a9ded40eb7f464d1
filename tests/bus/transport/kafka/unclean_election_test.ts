import { Kafka, logLevel } from "npm:kafkajs@2.2.4";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import type { TransportEvent } from "../../../../bus/transport/transport.ts";
import { temporaryDirectory } from "../../../../lib/temporary_directory.ts";
import { assertEquals, assertStringIncludes } from "../../../../testing/assert.ts";
import { NO_OWN_KAFKA, QUICK, testKafka } from "../../../../testing/brokers/kafka.ts";
import { freePorts, startKafkaCluster } from "../../../../testing/brokers/kafka_cluster.ts";
import { createTopics, inSyncReplicas } from "../../../../testing/brokers/kafkajs.ts";
import { eventually, unique, within } from "../suite/harness.ts";
import { numbered, Reader } from "../suite/reader.ts";

const [LEADER, FOLLOWER] = [0, 1];
/** How long brokers that come back, and elections, may take on a busy machine. */
const RECOVERY_MS = 60_000;

testKafka(
  "after an unclean election readers go on with what is new, and report that the end of the log was lost",
  async () => {
    await using directory = await temporaryDirectory("unclean");
    await using cluster = await startKafkaCluster({
      ports: freePorts(3),
      dataDir: directory.path,
      config: { "broker.session.timeout.ms": 2_000, "broker.heartbeat.interval.ms": 500 },
    });
    const brokers = cluster.brokers.map(({ brokers }) => brokers);
    const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const topic = unique("unclean");
    const settings = {
      "unclean.leader.election.enable": "true",
      "min.insync.replicas": "1",
      "message.timestamp.type": "LogAppendTime",
    };
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    const replicaAssignment = [{ partition: 0, replicas: [LEADER + 1, FOLLOWER + 1] }];
    await createTopics(admin, [{ topic, replicaAssignment, configEntries }]);
    const reasons: string[] = [];
    const onEvent = (event: TransportEvent) =>
      event.type === "lost" && event.reason && reasons.push(event.reason);
    await using transport = await openKafkaTransport(brokers, {
      ...QUICK,
      sendTimeoutMs: RECOVERY_MS,
      onEvent,
    });
    await using alone = await Reader.open(transport, [topic]);
    await using member = await Reader.open(transport, [topic], { group: unique("group"), commit: true });
    const readers = [alone, member];
    await transport.send(topic, numbered(5, "kept "));
    await cluster.brokers[FOLLOWER]!.kill();
    const isAlone = async () => (await inSyncReplicas(admin, topic)).length === 1;
    await eventually("only the leader is in sync", isAlone);
    await transport.send(topic, numbered(5, "lost "));
    for (const reader of readers) await reader.until(10);
    await admin.disconnect();

    await cluster.brokers[LEADER]!.kill();
    await cluster.start(FOLLOWER);
    await within(transport.send(topic, numbered(2, "new ")), "a send to the new leader", RECOVERY_MS);
    for (const reader of readers) {
      await within(reader.until(12), "what was sent to the new leader", RECOVERY_MS);
      assertEquals(reader.messages.slice(10).map(({ offset }) => offset), [5, 6]);
      assertEquals(reader.texts.slice(10), ["new 0", "new 1"]);
    }
    assertEquals(reasons.length, 2);
    for (const reason of reasons) assertStringIncludes(reason, "the log ends before offset 10");
  },
  NO_OWN_KAFKA,
);
