import { Buffer } from "node:buffer";
import { BusError } from "../../../../bus/transport/errors.ts";
import type { Message } from "../../../../bus/transport/transport.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../../../testing/assert.ts";
import { BROKERS, openQuick, testKafka } from "../../../../testing/brokers/kafka.ts";
import { otherClient } from "../../../../testing/brokers/kafkajs.ts";
import { unique, within } from "../suite/harness.ts";
import { bytes, Reader, text } from "../suite/reader.ts";

interface Seen {
  readonly partition: number;
  readonly key: string | undefined;
  readonly value: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

function plain(headers: object): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `${value}`]));
}

/** Reads from a topic with another client. */
async function readElsewhere(topic: string, count: number): Promise<Seen[]> {
  const consumer = otherClient().consumer({ groupId: unique("other") });
  const seen: Seen[] = [];
  const done = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage({ partition, message: { key, value, headers = {} } }) {
      seen.push({ partition, key: key?.toString(), value: value?.toString(), headers: plain(headers) });
      if (seen.length === count) done.resolve();
      return Promise.resolve();
    },
  });
  await within(done.promise, `${count} messages at another client`);
  await consumer.disconnect();
  return seen;
}

testKafka("another client reads what this one sends", async () => {
  const topic = unique("out");
  await using transport = await openQuick({ partitions: 4 });
  const sent = Array.from({ length: 150 }, (_, index) => ({
    key: `key ${index}`,
    value: bytes(`${index} ${"é".repeat(index)}`),
    headers: { ce_id: `${index}`, "ce_größe": "ü".repeat(index * 3), binary: Buffer.from(`${index}`) },
  }));
  await transport.send(topic, sent);
  const byKey = new Map((await readElsewhere(topic, 150)).map((seen) => [seen.key, seen]));
  for (const { key, value, headers } of sent) {
    const seen = byKey.get(key)!;
    assertEquals(seen.value, new TextDecoder().decode(value));
    assertEquals(seen.headers, plain(headers));
  }
});

testKafka("messages of another client are read, their keys in the same partitions as ours", async () => {
  const topic = unique("in");
  await using transport = await openQuick({ partitions: 4 });
  const keys = Array.from({ length: 50 }, (_, index) => `key ${index}`);
  await transport.send(topic, keys.map((key) => ({ key, value: bytes("ours") })));
  const producer = otherClient().producer();
  await producer.connect();
  const headers = { repeated: ["first", "last"], single: "one" };
  await producer.send({ topic, messages: keys.map((key) => ({ key, value: "theirs", headers })) });
  await producer.send({ topic, messages: [{ key: "key 0", value: null }] });
  await producer.disconnect();
  await using reader = await Reader.open(transport, [topic]);
  await reader.until(101);
  const byKey = Map.groupBy(reader.messages, ({ key }) => `${key}`);
  for (const key of keys) {
    const [ours, theirs] = byKey.get(key) as [Message, Message];
    assertEquals([text(ours), text(theirs), theirs.partition], ["ours", "theirs", ours.partition]);
    assertEquals({ ...theirs.headers }, { repeated: "last", single: "one" });
    assertEquals(theirs.headerList, [["repeated", "first"], ["repeated", "last"], ["single", "one"]]);
  }
  assertEquals(byKey.get("key 0")!.at(-1)!.value.length, 0);
});

testKafka("messages of aborted transactions are not delivered, those after them are", async () => {
  const topic = unique("transactions");
  await using transport = await openQuick({ partitions: 1 });
  await transport.ensureTopics([topic]);
  const transactionalId = unique("transactional");
  const producer = otherClient().producer({ transactionalId, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  for (const [value, end] of [["kept", "commit"], ["dropped", "abort"], ["kept too", "commit"]] as const) {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value }] });
    await transaction[end]();
  }
  await producer.disconnect();
  await transport.send(topic, [{ value: bytes("last") }]);
  await using reader = await Reader.open(transport, [topic]);
  await reader.until(3);
  assertEquals(reader.texts, ["kept", "kept too", "last"]);
});

testKafka(
  "reading until the end ends if the log ends with markers and aborted messages",
  async () => {
    const topic = unique("transactions");
    await using transport = await openQuick({ partitions: 1 });
    await transport.ensureTopics([topic]);
    const transactionalId = unique("transactional");
    const producer = otherClient().producer({ transactionalId, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    for (const [value, end] of [["kept", "commit"], ["dropped", "abort"]] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value }] });
      await transaction[end]();
    }
    await producer.disconnect();
    await using reader = await Reader.open(transport, [topic], { until: "end" });
    await within(reader.ended, "the end of the iteration");
    assertEquals(reader.texts, ["kept"]);
  },
);

testKafka("the loop ends with an error if other software uses the group", async () => {
  const [topic, group] = [unique("foreign"), unique("group")];
  await using transport = await openQuick();
  await transport.ensureTopics([topic]);
  const consumer = otherClient().consumer({ groupId: group });
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
  await consumer.connect();
  await consumer.subscribe({ topic });
  await consumer.run({ eachMessage: () => Promise.resolve() });
  await within(joined.promise, "another client in the group");
  const reader = await Reader.open(transport, [topic], { group });
  const error = await assertRejects(() => within(reader.ended, "the error"), BusError);
  assertEquals(error.code, "invalid");
  assertStringIncludes(error.message, group);
  await reader.subscription.close();
  await consumer.disconnect();
  assert(reader.batches.length === 0);
});

testKafka("a process that uses Kafka prints nothing", async () => {
  const program = `
    import { openKafkaTransport } from ${
    JSON.stringify(new URL("../../../../bus/transport/kafka/open.ts", import.meta.url).href)
  };
    const transport = await openKafkaTransport(Deno.args);
    const topic = "quiet-" + crypto.randomUUID();
    const subscription = await transport.subscribe([topic], { group: topic });
    await transport.send(topic, [{ value: new Uint8Array(3) }]);
    for await (const { claim } of subscription) {
      await subscription.commit(new Map([[claim, 1]]));
      break;
    }
    await transport.close();
  `;
  const net = [...new Set(BROKERS.map((broker) => broker.split(":")[0]))].join(",");
  const process = new Deno.Command(Deno.execPath(), {
    // Nothing but the network: no environment, no files.
    args: ["run", "--no-prompt", "--no-check", "--quiet", `--allow-net=${net}`, "-", ...BROKERS],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { success, stdout, stderr } = await process.output();
  assertEquals([new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)], ["", ""]);
  assert(success);
});
