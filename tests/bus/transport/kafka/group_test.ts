import { assert, assertEquals } from "../../../../testing/assert.ts";
import { openQuick, testKafka } from "../../../../testing/brokers/kafka.ts";
import { asAdmin } from "../../../../testing/brokers/kafkajs.ts";
import { eventually, unique } from "../suite/harness.ts";
import { bytes, numbered, Reader, sorted } from "../suite/reader.ts";

async function untilStable(group: string, members: number): Promise<void> {
  await asAdmin(async (admin) => {
    await eventually(`${members} members have joined`, async () => {
      const [found] = (await admin.describeGroups([group])).groups;
      return found!.state === "Stable" && found!.members.length === members;
    });
  });
}

testKafka(
  "a partition moves only after the commit of what was delivered, which is not delivered again",
  async () => {
    const [topic, group] = [unique("moving"), unique("group")];
    await using transport = await openQuick({ partitions: 2, releaseMs: 60_000 });
    await transport.send(topic, numbered(20, "old "));
    await using one = await Reader.open(transport, [topic], { group });
    await one.until(20);
    await using two = await Reader.open(await openQuick(), [topic], { group, commit: true });
    await untilStable(group, 2);
    await one.commit();
    await eventually(
      "a claim has moved",
      () => Promise.resolve(one.batches.some(({ claim }) => claim.lost.aborted)),
    );
    await transport.send(topic, numbered(20, "new "));
    await two.until(10);
    await one.until(30);
    assertEquals([one.messages.length, two.messages.length], [30, 10]);
    assert(
      two.texts.every((text) => text.startsWith("new ")),
      `${two.texts}`,
    );
  },
);

testKafka("a claim that a member keeps survives a rebalance", async () => {
  const [topic, group] = [unique("kept"), unique("group")];
  await using transport = await openQuick({ partitions: 4 });
  await using one = await Reader.open(transport, [topic], { group, commit: true });
  await transport.send(topic, numbered(40));
  await one.until(40);
  await using two = await Reader.open(await openQuick(), [topic], { group, commit: true });
  await eventually("both have partitions", async () => {
    await transport.send(topic, numbered(4));
    return two.messages.length > 0;
  });
  const claims = new Set(one.batches.map(({ claim }) => claim));
  assertEquals(claims.size, 4);
  assertEquals([...claims].filter(({ lost }) => lost.aborted).length, 2);
});

testKafka(
  "a member that joins a busy group from the end commits the start of its topic for the next member",
  async () => {
    const [other, topic, group] = [unique("other"), unique("end"), unique("group")];
    await using busy = await Reader.open(await openQuick(), [other], { group });
    const claimed = Promise.withResolvers<void>();
    await using transport = await openQuick({
      partitions: 1,
      onEvent: ({ type }) => type === "claimed" && claimed.resolve(),
    });
    await transport.send(topic, [{ value: bytes("old") }]);
    await untilStable(group, 1);
    const first = await Reader.open(transport, [topic], { group, from: "end" });
    await claimed.promise;
    await first.subscription.close();
    await transport.send(topic, numbered(5, "meanwhile "));
    await using second = await Reader.open(transport, [topic], { group, from: "end" });
    await second.until(5);
    assertEquals(
      sorted(second.texts),
      sorted(["0", "1", "2", "3", "4"].map((number) => `meanwhile ${number}`)),
    );
    assertEquals(busy.messages.length, 0);
  },
);
