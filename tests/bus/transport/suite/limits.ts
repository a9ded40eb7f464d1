import type { SubscribeOptions, TransportOptions } from "../../../../bus/transport/transport.ts";
import { BusError } from "../../../../bus/transport/errors.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../../../testing/assert.ts";
import { type Case, unique } from "./harness.ts";
import { bytes, numbered, Reader } from "./reader.ts";

const LARGEST = 15_728_640;

/** Bytes whose values depend on their position, so that a shifted or truncated copy is noticed. */
function pattern(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(index, 2_654_435_761);
  return new Uint8Array(words.buffer, 0, length);
}

async function hex(value: Uint8Array): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", value.slice())).toHex();
}

async function assertCode(code: string, run: () => Promise<unknown>, ...includes: string[]): Promise<void> {
  const error = await assertRejects(run, BusError);
  assertEquals(error.code, code, error.message);
  for (const part of includes) assertStringIncludes(error.message, part);
}

export const LIMIT_CASES: readonly Case[] = [
  {
    name: "a message of exactly maxMessageBytes passes unchanged",
    async run(harness) {
      const transport = await harness.open();
      assertEquals(transport.maxMessageBytes, LARGEST);
      const topic = unique("big");
      const value = pattern(LARGEST);
      await transport.send(topic, [{ key: "big", value, headers: { about: "x".repeat(1_000) } }]);
      await transport.send(topic, [{ key: "big", value: bytes("small") }]);
      await using reader = await Reader.open(transport, [topic]);
      await reader.until(2);
      assertEquals(reader.messages[0]?.value.length, LARGEST);
      assertEquals(await hex(reader.messages[0]!.value), await hex(value));
    },
  },
  {
    name: "a message of one byte more is refused with its size, the limit and the option",
    async run(harness) {
      const topic = unique("big");
      for (const maxMessageBytes of [LARGEST, 1_000]) {
        const transport = await harness.open({ maxMessageBytes });
        const value = new Uint8Array(maxMessageBytes + 1);
        const parts = [`${value.length}`, `${maxMessageBytes}`, "maxMessageBytes"];
        const digits = (text: string) => text.replaceAll(",", "");
        const error = await assertRejects(() => transport.send(topic, [{ value }]), BusError);
        assertEquals(error.code, "too_large");
        for (const part of parts) assertStringIncludes(digits(error.message), part);
        await transport.send(topic, [{ value: value.subarray(1) }]);
      }
    },
  },
  {
    name: "key and headers of more than 65,536 bytes are refused",
    async run(harness) {
      const transport = await harness.open();
      const topic = unique("headers");
      const fits = { key: "k", value: bytes("v"), headers: { name: "é".repeat(32_765) } };
      await transport.send(topic, [{ ...fits, headers: { name: "é".repeat(32_765) + "." } }]);
      const over = { ...fits, headers: { name: "é".repeat(32_765) + ".." } };
      await assertCode("too_large", () => transport.send(topic, [over]), "65");
    },
  },
  {
    name: "nothing is sent if one of the messages is refused",
    async run(harness) {
      const transport = await harness.open({ maxMessageBytes: 10 });
      const topic = unique("together");
      await transport.ensureTopics([topic]);
      await assertCode(
        "too_large",
        () => transport.send(topic, [{ value: bytes("fine") }, { value: bytes("far too large") }]),
      );
      const info = (await transport.topics()).find(({ name }) => name === topic);
      assert(info!.partitions.every(({ end }) => end === 0));
    },
  },
  {
    name: "invalid topic names, groups and options are refused",
    async run(harness) {
      const transport = await harness.open();
      for (const name of ["", "a b", "ü", "a/b", "x".repeat(250), ".", ".."]) {
        await assertCode("invalid", () => transport.send(name, numbered(1)), JSON.stringify(name));
        await assertCode("invalid", () => transport.subscribe([name]), JSON.stringify(name));
        await assertCode("invalid", () => transport.ensureTopics([name]), JSON.stringify(name));
      }
      await assertCode("invalid", () => transport.subscribe([]), "topic");
      const wrong: SubscribeOptions[] = [
        { group: "" },
        { from: "middle" as "start" },
        { maxBatchMessages: 0 },
        { maxBatchMessages: NaN },
      ];
      for (const options of wrong) {
        await assertCode(
          "invalid",
          () => transport.subscribe([unique("t")], options),
          Object.keys(options)[0]!,
        );
      }
      const notBytes = [{ value: "text" as unknown as Uint8Array }];
      await assertCode("invalid", () => transport.send(unique("t"), notBytes), "Uint8Array");
    },
  },
  {
    name: "invalid options of the transport are refused",
    async run(harness) {
      const wrong: TransportOptions[] = [
        { maxMessageBytes: 0 },
        { maxMessageBytes: 1.5 },
        { maxMessageBytes: 2 ** 31 },
        { partitions: 0 },
        { partitions: 1_001 },
        { partitions: Infinity },
      ];
      for (const options of wrong) {
        await assertCode("invalid", () => harness.open(options), Object.keys(options)[0]!);
      }
    },
  },
  {
    name: "the oldest messages are removed on request, and readers continue after them",
    async run(harness) {
      const transport = await harness.open({ partitions: 2 });
      const topic = unique("removed");
      await transport.removeBefore(topic, new Map([[0, 1]]));
      for (const i of [0, 1, 2, 3]) await transport.send(topic, [{ key: "one", value: bytes(`${i}`) }]);
      await transport.send(topic, [{ key: "other partition", value: bytes("other") }]);
      const [info] = await transport.topics(undefined, [topic]);
      const { partition } = info!.partitions.find(({ end }) => end >= 4)!;
      const left = async () => {
        await using reader = await Reader.open(transport, [topic], { until: "end" });
        await reader.ended;
        return reader.texts.filter((text) => text !== "other");
      };
      await transport.removeBefore(topic, new Map([[partition, 2]]));
      assertEquals(await left(), ["2", "3"]);
      await transport.removeBefore(topic, new Map([[partition, 1]]));
      assertEquals(await left(), ["2", "3"]);
      await transport.send(topic, [{ key: "one", value: bytes("4") }]);
      await transport.removeBefore(topic, new Map([[partition, 1_000_000]]));
      assertEquals(await left(), []);
      await transport.send(topic, [{ key: "one", value: bytes("5") }]);
      assertEquals(await left(), ["5"]);
      await assertCode("invalid", () => transport.removeBefore(topic, new Map([[0, -1]])), "-1");
    },
  },
];
