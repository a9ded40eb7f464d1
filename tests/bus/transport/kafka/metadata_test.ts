import type { Transport } from "../../../../bus/transport/transport.ts";
import { openQuick, testKafka } from "../../../../testing/brokers/kafka.ts";
import { asAdmin } from "../../../../testing/brokers/kafkajs.ts";
import { EventLog } from "../../../fixtures/event_log.ts";
import { eventually, unique } from "../suite/harness.ts";
import { numbered, Reader } from "../suite/reader.ts";

/** Sends in rounds, each after the one before has been received: no fetch is pending that has asked before. */
async function receiveInRounds(sender: Transport, topic: string, received: () => number): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const expected = received() + 24;
    await sender.send(topic, numbered(24));
    await eventually(`round ${round} is received`, () => Promise.resolve(received() >= expected));
  }
}

testKafka("a subscription to a topic that was listed before survives a refresh of the metadata", async () => {
  const topic = unique("listed");
  await using sender = await openQuick({ partitions: 3 });
  await sender.ensureTopics([topic]);
  await using transport = await openQuick();
  await transport.topics();
  await using reader = await Reader.open(transport, [topic]);
  await transport.ensureTopics([unique("other")]);
  await receiveInRounds(sender, topic, () => reader.messages.length);
});

testKafka("a member of a group survives a refresh of the metadata after its topic was listed", async () => {
  const [topic, group] = [unique("listed"), unique("group")];
  await using sender = await openQuick({ partitions: 4 });
  await sender.ensureTopics([topic]);
  await using leading = await Reader.open(await openQuick(), [topic], { group, commit: true });
  await using transport = await openQuick();
  await transport.topics();
  await using following = await Reader.open(transport, [topic], { group, commit: true });
  await eventually("both have partitions", async () => {
    await sender.send(topic, numbered(8));
    return following.messages.length > 0;
  });
  await transport.ensureTopics([unique("other")]);
  await receiveInRounds(sender, topic, () => leading.messages.length + following.messages.length);
});

testKafka("a partition that cannot be read for long is reported, and when it is read again", async () => {
  const topic = unique("deleted");
  const events = new EventLog();
  await using transport = await openQuick({ partitions: 1, onEvent: events.add });
  await using _reader = await Reader.open(transport, [topic]);
  await asAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
  const what = `Partition 0 of "${topic}"`;
  await events.until("delayed", what);
  await asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }));
  await events.until("recovered", what);
});

for (const group of [undefined, "a group"]) {
  testKafka(
    `partitions that are added later are read, by ${group ?? "a reader without a group"}`,
    async () => {
      const topic = unique("growing");
      await using sender = await openQuick({ partitions: 1 });
      await sender.send(topic, numbered(5));
      await using transport = await openQuick();
      const options = group === undefined ? {} : { group: unique("group"), commit: true };
      await using reader = await Reader.open(transport, [topic], options);
      await reader.until(5);
      await asAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] }));
      // Loads the metadata at once, which otherwise happens every minute.
      await using late = await openQuick();
      await late.send(topic, numbered(40));
      await transport.ensureTopics([unique("other")]);
      await reader.until(45);
    },
  );
}
