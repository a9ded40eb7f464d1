import { assert, assertEquals } from "../../../../testing/assert.ts";
import { type Case, unique, within } from "./harness.ts";
import { numbered, Reader, sorted } from "./reader.ts";

const MIB = 1024 * 1024;
const texts = (count: number, label = "") =>
  numbered(count, label).map(({ value }) => new TextDecoder().decode(value));

export const FLOW_CASES: readonly Case[] = [
  {
    name: "a paused topic is not delivered while others are; after resume nothing is lost or repeated",
    async run(harness) {
      const transport = await harness.open({ partitions: 2 });
      const [paused, open] = [unique("paused"), unique("open")];
      for (const group of [undefined, unique("group")]) {
        await using reader = await Reader.open(transport, [paused, open], {
          from: "end",
          ...(group && { group }),
        });
        await transport.send(paused, numbered(20, "before "));
        await reader.until(20);
        reader.subscription.pause([paused]);
        await transport.send(paused, numbered(20, "during "));
        await transport.send(open, numbered(20, "other "));
        await reader.until(() => reader.texts.filter((one) => one.startsWith("other ")).length === 20);
        assertEquals(reader.texts.filter((one) => one.startsWith("during ")), []);
        reader.subscription.resume([paused]);
        await reader.until(60);
        assertEquals(
          sorted(reader.texts),
          sorted([...texts(20, "before "), ...texts(20, "during "), ...texts(20, "other ")]),
        );
      }
    },
  },
  {
    name: "a topic can be paused before its first message, and resumes without a new one",
    async run(harness) {
      const transport = await harness.open();
      const topic = unique("paused");
      for (const group of [undefined, unique("group")]) {
        const subscription = await transport.subscribe([topic], { from: "end", ...(group && { group }) });
        subscription.pause([topic]);
        await using reader = new Reader(subscription, true);
        await transport.send(topic, numbered(10));
        // Long enough for the iteration to become idle, for which there is no event.
        await new Promise((resolve) => setTimeout(resolve, 100));
        assertEquals(reader.messages.length, 0);
        subscription.resume([topic]);
        await reader.until(10);
        assertEquals(sorted(reader.texts), sorted(texts(10)));
      }
    },
  },
  {
    name:
      "an iterator that is not advanced buffers a bounded number of bytes, keeps its claims, and continues",
    async run(harness) {
      const transport = await harness.open({ partitions: 1 });
      const [topic, group] = [unique("pressure"), unique("group")];
      const messages = Array.from({ length: 4 }, () => ({ value: new Uint8Array(MIB) }));
      await using consumer = await harness.start({
        topics: [topic],
        subscribe: { group },
        commit: "each",
        stall: true,
      });
      await transport.send(topic, messages);
      await consumer.until(1);
      const before = await consumer.memory();
      for (let sent = 0; sent < 48; sent++) await transport.send(topic, messages);
      const grown = await consumer.memory() - before;
      assert(grown < 96 * MIB, `${grown} bytes grew while 192 MiB waited`);
      await consumer.resume();
      await consumer.until(49 * 4);
      assertEquals(consumer.received.length, 49 * 4);
    },
  },
  {
    name: "batches are bounded in bytes",
    async run(harness) {
      const transport = await harness.open({ partitions: 1 });
      const topic = unique("bytes");
      for (let sent = 0; sent < 10; sent++) {
        await transport.send(topic, Array.from({ length: 4 }, () => ({ value: new Uint8Array(MIB) })));
      }
      await using reader = await Reader.open(transport, [topic]);
      await reader.until(40);
      const sizes = reader.batches.map(({ messages }) =>
        messages.reduce((sum, { value }) => sum + value.length, 0)
      );
      assert(Math.max(...sizes) <= 32 * MIB, `${sizes}`);
    },
  },
  {
    name: "leaving the loop does not close the subscription",
    async run(harness) {
      const transport = await harness.open({ partitions: 1 });
      const [topic, group] = [unique("leave"), unique("group")];
      await transport.send(topic, numbered(5));
      const subscription = await transport.subscribe([topic], { group });
      const first = async () => {
        for await (const batch of subscription) return batch;
      };
      const batch = await within(first(), "a batch");
      await subscription.commit(new Map([[batch!.claim, 2]]));
      assert(!batch!.claim.lost.aborted);
      const info = (await transport.topics(group)).find(({ name }) => name === topic);
      assertEquals(info?.partitions[0]?.committed, 2);
      await subscription.close();
    },
  },
];
