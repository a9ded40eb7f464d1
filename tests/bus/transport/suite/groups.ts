import { assert, assertEquals } from "../../../../testing/assert.ts";
import { type Case, eventually, unique } from "./harness.ts";
import { bytes, numbered, positions, Reader, sorted } from "./reader.ts";

const texts = (count: number, label = "") =>
  numbered(count, label).map(({ value }) => new TextDecoder().decode(value));

export const GROUP_CASES: readonly Case[] = [
  {
    name: "each message goes to one of the consumers of a group",
    async run(harness) {
      const transport = await harness.open({ partitions: 4 });
      const [topic, group] = [unique("shared"), unique("group")];
      await using one = await Reader.open(transport, [topic], { group, commit: true });
      await using two = await Reader.open(await harness.open(), [topic], { group, commit: true });
      const claims = () => new Set([one, two].map(({ messages }) => messages.length > 0));
      let sent = 0;
      await eventually("both consumers have partitions", async () => {
        await transport.send(topic, numbered(8, `${sent++}-`));
        return !claims().has(false);
      });
      const before = one.messages.length + two.messages.length;
      await transport.send(topic, numbered(200, "after "));
      await eventually("all have come", () => Promise.resolve(total() >= sent * 8 + 200));
      function total(): number {
        return one.messages.length + two.messages.length;
      }
      assertEquals(new Set([...one.texts, ...two.texts]).size, sent * 8 + 200, `${before} before`);
      const after = [...one.texts, ...two.texts].filter((value) => value.startsWith("after "));
      assertEquals(sorted(after), sorted(texts(200, "after ")));
    },
  },
  {
    name: "each group gets everything",
    async run(harness) {
      const transport = await harness.open();
      const topic = unique("both");
      await using one = await Reader.open(transport, [topic], { group: unique("one"), commit: true });
      await using two = await Reader.open(transport, [topic], { group: unique("two"), commit: true });
      await transport.send(topic, numbered(100));
      await Promise.all([one.until(100), two.until(100)]);
      assertEquals(sorted(one.texts), sorted(texts(100)));
      assertEquals(sorted(two.texts), sorted(texts(100)));
    },
  },
  {
    name: "members of a group may subscribe to different topics",
    async run(harness) {
      const transport = await harness.open();
      const [left, both, right, group] = [unique("left"), unique("both"), unique("right"), unique("group")];
      await using one = await Reader.open(transport, [left, both], { group, commit: true });
      await using two = await Reader.open(transport, [both, right], { group, commit: true });
      for (const topic of [left, both, right]) await transport.send(topic, numbered(20, topic));
      await eventually("all have come", () => {
        return Promise.resolve(new Set([...one.texts, ...two.texts]).size === 60);
      });
      assert(one.messages.every(({ topic }) => topic !== right));
      assert(two.messages.every(({ topic }) => topic !== left));
    },
  },
  {
    name: "what was committed is not delivered again after a reopen, the rest is",
    async run(harness) {
      const [topic, group] = [unique("resume"), unique("group")];
      const first = await harness.open({ partitions: 1 });
      await first.send(topic, numbered(30));
      const reader = await Reader.open(first, [topic], { group, maxBatchMessages: 10 });
      await reader.until(30);
      await reader.subscription.commit(new Map([[reader.batches[0]!.claim, 13]]));
      await first.close();
      await using again = await Reader.open(await harness.open(), [topic], { group });
      await again.until(17);
      assertEquals(again.texts, texts(30).slice(13));
      assertEquals(again.messages[0]?.offset, 13);
    },
  },
  {
    name: "a group that has committed nothing reads everything again",
    async run(harness) {
      const [topic, group] = [unique("uncommitted"), unique("group")];
      const transport = await harness.open();
      await transport.send(topic, numbered(20));
      for (let time = 0; time < 2; time++) {
        await using reader = await Reader.open(transport, [topic], { group });
        await reader.until(20);
        assertEquals(sorted(reader.texts), sorted(texts(20)));
      }
    },
  },
  {
    name: "a group that started at the end keeps its position without a commit",
    async run(harness) {
      const [topic, group] = [unique("end"), unique("group")];
      const transport = await harness.open();
      await transport.send(topic, numbered(5, "old "));
      const reader = await Reader.open(transport, [topic], { group, from: "end" });
      await reader.subscription.close();
      await transport.send(topic, numbered(5, "meanwhile "));
      await using again = await Reader.open(transport, [topic], { group, from: "end" });
      await again.until(5);
      assertEquals(sorted(again.texts), sorted(texts(5, "meanwhile ")));
    },
  },
  {
    name: "the last commit counts, even if it is lower",
    async run(harness) {
      const [topic, group] = [unique("back"), unique("group")];
      const transport = await harness.open({ partitions: 1 });
      await transport.send(topic, numbered(10));
      const reader = await Reader.open(transport, [topic], { group });
      await reader.until(10);
      const { claim } = reader.batches[0]!;
      await reader.subscription.commit(new Map([[claim, 9]]));
      await reader.subscription.commit(new Map([[claim, 4]]));
      await reader.subscription.close();
      await using again = await Reader.open(transport, [topic], { group });
      await again.until(6);
      assertEquals(again.messages[0]?.offset, 4);
    },
  },
  {
    name: "topics() shows where a group started, once it has claimed the partitions, before its first commit",
    async run(harness) {
      const [topic, group] = [unique("claimed"), unique("group")];
      const transport = await harness.open({ partitions: 2 });
      await transport.send(topic, numbered(3));
      const committed = async () =>
        (await transport.topics(group, (name) => name === topic))[0]!.partitions.map((one) => one.committed);
      assertEquals(await committed(), [null, null]);
      await using _reader = await Reader.open(transport, [topic], { group });
      await eventually("both are claimed", async () => !(await committed()).includes(null));
      assertEquals(await committed(), [0, 0]);
    },
  },
  {
    name: "topics() returns offsets, and what a group has committed",
    async run(harness) {
      const [topic, other, group] = [unique("listed-b"), unique("listed-a"), unique("group")];
      const transport = await harness.open({ partitions: 2 });
      await transport.ensureTopics([topic, other]);
      await transport.send(topic, [{ value: bytes("1") }, { value: bytes("2") }, { value: bytes("3") }]);
      const list = async () =>
        (await transport.topics(group)).filter(({ name }) => name === topic || name === other);
      const [empty, full] = await list();
      assertEquals([empty?.name, full?.name], [other, topic]);
      assertEquals(
        empty?.partitions,
        [0, 1].map((partition) => ({ partition, start: 0, end: 0, committed: null })),
      );
      assertEquals(full?.partitions.reduce((sum, { end }) => sum + end, 0), 3);
      assert(full!.partitions.every(({ start, committed }) => start === 0 && committed === null));
      await using reader = await Reader.open(transport, [topic], { group });
      await reader.until(3);
      await reader.subscription.commit(positions(reader.batches));
      const committed = (await list())[1]!.partitions.filter((partition) => partition.committed !== null);
      assert(committed.length > 0 && committed.every((partition) => partition.committed === partition.end));
      assertEquals(committed.reduce((sum, partition) => sum + partition.committed!, 0), 3);
      assert(
        (await transport.topics()).every(({ partitions }) =>
          partitions.every((one) => one.committed === null)
        ),
      );
    },
  },
];
