import { BusError } from "../../../../bus/transport/errors.ts";
import type { Transport } from "../../../../bus/transport/transport.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../../../../testing/assert.ts";
import { openQuick, testKafka } from "../../../../testing/brokers/kafka.ts";
import { asAdmin } from "../../../../testing/brokers/kafkajs.ts";
import { EventLog } from "../../../fixtures/event_log.ts";
import { eventually, unique, within } from "../suite/harness.ts";
import { numbered, Reader } from "../suite/reader.ts";

const PARTITIONS = 4;

/** Opens a transport of a static member, with time to restart it. */
function openStatic(groupInstanceId: string, events: EventLog): Promise<Transport> {
  const options = { sessionTimeoutMs: 10_000, groupInstanceId, partitions: PARTITIONS };
  return openQuick({ ...options, onEvent: events.add });
}

/** Number of partitions that a member has. */
function claimed({ events }: EventLog): number {
  return events.reduce((sum, { type }) => sum + (type === "claimed" ? 1 : type === "lost" ? -1 : 0), 0);
}

for (const role of ["leader", "follower"]) {
  testKafka(
    `a static ${role} that is restarted gets its partitions back, and those of others stay`,
    async () => {
      const [topic, group] = [unique("static"), unique("group")];
      const logs = { one: new EventLog(), two: new EventLog(), again: new EventLog() };
      const has = (who: keyof typeof logs, count: number) =>
        eventually(`${who} has ${count}`, () => Promise.resolve(claimed(logs[who]) === count));
      const open = (transport: Transport) => Reader.open(transport, [topic], { group, commit: true });
      const one = await openStatic("one", logs.one);
      await using two = await openStatic("two", logs.two);
      // The first member of a group leads it.
      if (role === "leader") await open(one).then(() => has("one", PARTITIONS));
      await using other = await open(two);
      if (role === "follower") await has("two", PARTITIONS).then(() => open(one));
      await Promise.all([has("one", PARTITIONS / 2), has("two", PARTITIONS / 2)]);
      const before = logs.two.events.length;
      await one.close();
      await asAdmin(async (admin) => {
        const [info] = (await admin.describeGroups([group])).groups;
        assertEquals([info?.state, info?.members.length], ["Stable", 2]);
      });

      await using again = await openStatic("one", logs.again);
      await using reader = await open(again);
      await has("again", PARTITIONS / 2);
      assertEquals(logs.two.events.length, before);
      await asAdmin((admin) =>
        admin.createPartitions({ topicPartitions: [{ topic, count: 2 * PARTITIONS }] })
      );
      await Promise.all([two, again].map((transport) => transport.ensureTopics([unique("other")])));
      await Promise.all([has("two", PARTITIONS), has("again", PARTITIONS)]);
      await two.send(topic, numbered(40));
      await within(Promise.all([reader.until(1), other.until(1)]), "messages for both");
    },
  );
}

testKafka("of two members with one name, the first ends with the reason", async () => {
  const [topic, group] = [unique("static"), unique("group")];
  await using first = await openStatic("one", new EventLog());
  const reader = await Reader.open(first, [topic], { group });
  const events = new EventLog();
  await using second = await openStatic("one", events);
  await eventually("the first is a member", async () => {
    await first.send(topic, numbered(1));
    return reader.messages.length > 0;
  });
  await using _reader = await Reader.open(second, [topic], { group });
  const error = await assertRejects(() => within(reader.ended, "the end of the first"), BusError);
  assertEquals(error.code, "invalid");
  assertStringIncludes(error.message, 'the groupInstanceId "one" too');
  await reader.subscription.close();
});

Deno.test("kafka: a name of a process that brokers would refuse is refused", async () => {
  const error = await assertRejects(() => openQuick({ groupInstanceId: "a b" }), BusError);
  assertStringIncludes(error.message, 'groupInstanceId is "a b": expected 1 to 249');
});
