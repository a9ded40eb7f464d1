import { BusError } from "../../../../bus/transport/errors.ts";
import type { Message, OutgoingMessage, Transport } from "../../../../bus/transport/transport.ts";
import { assert, assertEquals, assertRejects } from "../../../../testing/assert.ts";
import { type Case, unique, within } from "./harness.ts";
import { bytes, numbered, Reader, sorted, text } from "./reader.ts";

async function roundTrip(transport: Transport, messages: readonly OutgoingMessage[]): Promise<Message[]> {
  const topic = unique("round-trip");
  await transport.send(topic, messages);
  await using reader = await Reader.open(transport, [topic]);
  await reader.until(messages.length);
  return reader.messages;
}

function byKey(messages: readonly Message[]): Map<string, Message[]> {
  return Map.groupBy(messages, ({ key }) => String(key));
}

export const DELIVERY_CASES: readonly Case[] = [
  {
    name: "a message arrives with its topic, offset, time, key, value and headers",
    async run(harness) {
      const transport = await harness.open({ partitions: 1 });
      const topic = unique("whole");
      const before = Date.now();
      await transport.send(topic, [{
        key: "k",
        value: bytes("v"),
        headers: { a: "1", "content-type": "x/y" },
      }]);
      await transport.send(topic, [{ value: bytes("w") }]);
      await using reader = await Reader.open(transport, [topic]);
      await reader.until(2);
      const [first, second] = reader.messages;
      assertEquals([first?.topic, first?.partition, first?.offset], [topic, 0, 0]);
      assertEquals([first?.key, text(first!), first?.headers["a"]], ["k", "v", "1"]);
      assertEquals(first?.headers["content-type"], "x/y");
      assert(first!.timestamp >= before - 5 && first!.timestamp <= Date.now() + 5, `${first!.timestamp}`);
      assertEquals([second?.offset, second?.key, Object.keys(second!.headers)], [1, null, []]);
    },
  },
  {
    name: "an empty value arrives empty",
    async run(harness) {
      const transport = await harness.open();
      const [message] = await roundTrip(transport, [{
        key: "k",
        value: new Uint8Array(),
        headers: { empty: "" },
      }]);
      assertEquals([message?.value.length, message?.key, message?.headers["empty"]], [0, "k", ""]);
    },
  },
  {
    name: "text in any script, and bytes that are not text, arrive unchanged as key, header and value",
    async run(harness) {
      const transport = await harness.open({ partitions: 1 });
      const scripts = 'Zoë 猫 🐈‍⬛ \u0000 \ufeff "quoted" \\ \n';
      const noise = Uint8Array.from({ length: 256 }, (_, index) => 255 - index);
      const received = await roundTrip(transport, [
        { key: scripts, value: bytes(scripts), headers: { scripts, [scripts.slice(0, 5)]: "name" } },
        { key: noise, value: noise, headers: { noise } },
        { key: bytes("text as bytes"), value: noise, headers: { words: bytes("text as bytes") } },
      ]);
      const [unicode, binary, plain] = received;
      assertEquals([unicode?.key, text(unicode!), unicode?.headers["scripts"]], [scripts, scripts, scripts]);
      assertEquals(unicode?.headers[scripts.slice(0, 5)], "name");
      const asArrays = [binary?.key, binary?.value, binary?.headers["noise"]].map((value) => [...value!]);
      assertEquals(asArrays, [[...noise], [...noise], [...noise]]);
      assert(binary?.key instanceof Uint8Array && binary.headers["noise"] instanceof Uint8Array);
      assertEquals([plain?.key, plain?.headers["words"]], ["text as bytes", "text as bytes"]);
    },
  },
  {
    name: "headers that are repeated or null arrive in their order",
    async run(harness) {
      const transport = await harness.open({ partitions: 1 });
      const noise = new Uint8Array([255]);
      const headerList = [["a", "1"], ["b", null], ["a", noise], ["", ""]] as const;
      const [many, few] = await roundTrip(transport, [
        { value: bytes("many"), headerList },
        { value: bytes("few"), headerList: [["a", "1"]] },
      ]);
      assertEquals(
        many?.headerList?.map(([name, value]) => [name, value instanceof Uint8Array ? [...value] : value]),
        [
          ["a", "1"],
          ["b", null],
          ["a", [255]],
          ["", ""],
        ],
      );
      assertEquals([many?.headers["a"], many?.headers["b"]], [noise, ""]);
      assertEquals([few?.headers, few?.headerList], [{ a: "1" }, undefined]);
    },
  },
  {
    name: "messages with equal keys share a partition and keep their order",
    async run(harness) {
      const transport = await harness.open({ partitions: 4 });
      const topic = unique("keys");
      const sends = Array.from(
        { length: 300 },
        (_, index) => ({ key: `k${index % 10}`, value: bytes(`${index}`) }),
      );
      for (let from = 0; from < sends.length; from += 50) {
        await transport.send(topic, sends.slice(from, from + 50));
      }
      await using reader = await Reader.open(transport, [topic]);
      await reader.until(sends.length);
      for (const [key, messages] of byKey(reader.messages)) {
        assertEquals(new Set(messages.map(({ partition }) => partition)).size, 1, `partitions of ${key}`);
        assertEquals(
          messages.map(text),
          sends.filter((sent) => sent.key === key).map(({ value }) => text({ value } as Message)),
        );
      }
      assert(new Set(reader.messages.map(({ partition }) => partition)).size > 1);
    },
  },
  {
    name: "another transport puts the same key into the same partition",
    async run(harness) {
      const [first, second] = [await harness.open(), await harness.open()];
      const topic = unique("keys");
      const keys = Array.from({ length: 20 }, (_, index) => ({ key: `key ${index}`, value: bytes("x") }));
      await first.send(topic, keys);
      await second.send(topic, keys);
      await using reader = await Reader.open(first, [topic]);
      await reader.until(40);
      for (const [key, [one, two]] of byKey(reader.messages)) {
        assertEquals(one?.partition, two?.partition, key);
      }
    },
  },
  {
    name: "messages without a key are spread over the partitions",
    async run(harness) {
      const transport = await harness.open({ partitions: 4 });
      const topic = unique("spread");
      for (const message of numbered(40)) await transport.send(topic, [message]);
      await using reader = await Reader.open(transport, [topic]);
      await reader.until(40);
      assertEquals(new Set(reader.messages.map(({ partition }) => partition)), new Set([0, 1, 2, 3]));
    },
  },
  {
    name:
      "reading until the end delivers what was stored before subscribing, in every partition, and then ends",
    async run(harness) {
      const transport = await harness.open({ partitions: 4 });
      const topic = unique("until");
      await transport.send(topic, numbered(600));
      const subscription = await transport.subscribe([topic], { until: "end", maxBatchMessages: 7 });
      await transport.send(topic, numbered(50));
      const read = new Reader(subscription);
      await within(read.ended, "the end of the iteration");
      assertEquals(sorted(read.texts), sorted(numbered(600).map(({ value }) => text({ value } as Message))));
    },
  },
  {
    name: "reading until the end of an empty topic delivers nothing; in a group it is refused",
    async run(harness) {
      const transport = await harness.open();
      const topic = unique("until");
      await using reader = await Reader.open(transport, [topic], { until: "end" });
      await within(reader.ended, "the end of the iteration");
      assertEquals(reader.messages, []);
      await assertRejects(
        () => transport.subscribe([topic], { until: "end", group: "g" }),
        BusError,
        'until is "end"',
      );
    },
  },
  {
    name:
      "reading from a time delivers what was stored since then, in every partition; in a group it is refused",
    async run(harness) {
      const transport = await harness.open({ partitions: 4 });
      const topic = unique("since");
      await transport.send(topic, numbered(300));
      await using all = await Reader.open(transport, [topic], { until: "end" });
      await within(all.ended, "the end of the iteration");
      const last = Math.max(...all.messages.map(({ timestamp }) => timestamp));
      await new Promise((resolve) => setTimeout(resolve, 20));
      await transport.send(topic, numbered(100).map(({ value }) => ({ value, key: "late" })));
      await transport.send(topic, numbered(100));
      const from = (ms: number) => ({ from: new Date(ms), until: "end" as const });
      for (const [ms, count] of [[0, 500], [last + 1, 200], [Date.now() + 60_000, 0]] as const) {
        await using reader = await Reader.open(transport, [topic], from(ms));
        await within(reader.ended, "the end of the iteration");
        assertEquals(reader.messages.length, count, `from ${ms}`);
      }
      await using live = await Reader.open(transport, [topic], { from: new Date(Date.now() + 60_000) });
      await transport.send(topic, numbered(1));
      await live.until(1);
      for (const options of [{ from: new Date(), group: "g" }, { from: new Date(NaN) }]) {
        await assertRejects(() => transport.subscribe([topic], options), BusError, "from is");
      }
    },
  },
  {
    name: "sends that are not awaited keep their order",
    async run(harness) {
      const transport = await harness.open({ partitions: 1 });
      const topic = unique("order");
      const messages = numbered(1_000);
      await within(Promise.all(messages.map((message) => transport.send(topic, [message]))), "1,000 sends");
      await using reader = await Reader.open(transport, [topic]);
      await reader.until(1_000);
      assertEquals(reader.texts, messages.map(({ value }) => text({ value } as Message)));
    },
  },
  {
    name: "thousands of concurrent sends of several transports are stored once each",
    async run(harness) {
      const transports = [await harness.open(), await harness.open()];
      const topic = unique("many");
      const messages = numbered(4_000);
      const sends = messages.map((message, index) => transports[index % 2]!.send(topic, [message]));
      await within(Promise.all(sends), "4,000 sends");
      const [info] = (await transports[0]!.topics()).filter(({ name }) => name === topic);
      assertEquals(info?.partitions.reduce((sum, { start, end }) => sum + end - start, 0), 4_000);
      await using reader = await Reader.open(transports[1]!, [topic]);
      await reader.until(4_000);
      assertEquals(
        sorted(reader.texts),
        sorted(numbered(4_000).map(({ value }) => new TextDecoder().decode(value))),
      );
    },
  },
  {
    name: "offsets ascend within a claim, and no batch is empty or over maxBatchMessages",
    async run(harness) {
      const transport = await harness.open({ partitions: 2 });
      const topic = unique("batches");
      await transport.send(topic, numbered(200));
      await using reader = await Reader.open(transport, [topic], { maxBatchMessages: 7 });
      await reader.until(200);
      assert(reader.batches.every(({ messages }) => messages.length >= 1 && messages.length <= 7));
      for (const batches of Map.groupBy(reader.batches, ({ claim }) => claim).values()) {
        const offsets = batches.flatMap(({ messages }) => messages.map(({ offset }) => offset));
        assert(offsets.every((offset, index) => index === 0 || offset > offsets[index - 1]!), `${offsets}`);
      }
    },
  },
  {
    name: "a reader without a group reads from the start each time",
    async run(harness) {
      const transport = await harness.open();
      const topic = unique("replay");
      await transport.send(topic, numbered(50));
      for (let time = 0; time < 2; time++) {
        await using reader = await Reader.open(transport, [topic], { from: "start" });
        await reader.until(50);
        await reader.commit();
        assertEquals(reader.messages.length, 50);
      }
    },
  },
  {
    name: "each reader without a group gets everything",
    async run(harness) {
      const transport = await harness.open();
      const topic = unique("broadcast");
      await using one = await Reader.open(transport, [topic]);
      await using two = await Reader.open(await harness.open(), [topic]);
      for (let round = 1; round <= 5; round++) {
        await transport.send(topic, numbered(4, `${round}-`));
        await Promise.all([one.until(round * 4), two.until(round * 4)]);
      }
      assertEquals(sorted(one.texts), sorted(two.texts));
    },
  },
  {
    name: "reading from the end delivers everything sent after subscribe resolved, and nothing older",
    async run(harness) {
      const [sender, receiver] = [await harness.open(), await harness.open()];
      for (const group of [undefined, unique("group")]) {
        const topic = unique("end");
        await sender.send(topic, numbered(10, "old "));
        await using reader = await Reader.open(receiver, [topic], { from: "end", ...(group && { group }) });
        await sender.send(topic, numbered(10, "new "));
        await reader.until(10);
        assertEquals(
          sorted(reader.texts),
          sorted(numbered(10, "new ").map(({ value }) => new TextDecoder().decode(value))),
        );
      }
    },
  },
  {
    name: "one subscription reads several topics, created by it or by the first message",
    async run(harness) {
      const transport = await harness.open();
      const topics = [unique("a"), unique("b"), unique("c")];
      await transport.send(topics[0]!, numbered(1));
      await transport.ensureTopics([topics[1]!, topics[0]!]);
      await using reader = await Reader.open(transport, topics);
      for (const topic of topics) await transport.send(topic, numbered(1));
      await reader.until(4);
      assertEquals(sorted(reader.messages.map(({ topic }) => topic)), sorted([...topics, topics[0]!]));
    },
  },
];
