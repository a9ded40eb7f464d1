import { BusError } from "../../../../bus/transport/errors.ts";
import { sleep } from "../../../../lib/sleep.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../../../testing/assert.ts";
import { openQuick, testKafka } from "../../../../testing/brokers/kafka.ts";
import { asAdmin } from "../../../../testing/brokers/kafkajs.ts";
import { unique, within } from "../suite/harness.ts";
import { bytes, Reader, sorted } from "../suite/reader.ts";

async function createTopic(topic: string, config: Record<string, string>, numPartitions = 1): Promise<void> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await asAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions, configEntries }] }));
}

testKafka(
  "a message over the limit of its topic is too_large, and those sent with it are stored",
  async () => {
    const topic = unique("small");
    await createTopic(topic, { "max.message.bytes": "20000" });
    await using transport = await openQuick();
    const sends = Array.from({ length: 200 }, (_, index) => {
      const value = index === 100 ? new Uint8Array(30_000) : bytes(`${index} ${"x".repeat(8_000)}`);
      return transport.send(topic, [{ value }]);
    });
    const outcomes = await within(Promise.allSettled(sends), "200 sends");
    const rejected = outcomes.filter((outcome) => outcome.status === "rejected");
    assertEquals(rejected.length, 1);
    const error = rejected[0]!.reason;
    assert(error instanceof BusError && error.code === "too_large", `${error}`);
    for (const part of [topic, "30000", "20000", "max.message.bytes"]) {
      assertStringIncludes(
        error.message,
        part,
      );
    }
    await using reader = await Reader.open(transport, [topic]);
    await reader.until(199);
    const numbers = reader.texts.map((text) => Number(text.split(" ")[0]));
    assertEquals(numbers, Array.from({ length: 200 }, (_, index) => index).filter((index) => index !== 100));
  },
);

testKafka("created topics accept the largest message; existing ones keep their settings", async () => {
  const [ours, theirs] = [unique("ours"), unique("theirs")];
  await createTopic(theirs, { "retention.ms": "12345678" }, 3);
  await using transport = await openQuick({ partitions: 2, maxMessageBytes: 5_000_000 });
  await transport.ensureTopics([ours, theirs]);
  await transport.send(ours, [{ value: new Uint8Array(5_000_000) }]);
  const topics = new Map((await transport.topics()).map(({ name, partitions }) => [name, partitions.length]));
  assertEquals([topics.get(ours), topics.get(theirs)], [2, 3]);
  assert([...topics.keys()].every((name) => !name.startsWith("__")));
});

testKafka("send waits rather than fails over the limit of pending bytes, and keeps the order", async () => {
  const topic = unique("waiting");
  await using transport = await openQuick({ partitions: 1 });
  const value = (index: number) => {
    const block = new Uint8Array(4 * 2 ** 20);
    block[0] = index;
    return block;
  };
  const sends = Array.from({ length: 40 }, (_, index) => transport.send(topic, [{ value: value(index) }]));
  await within(Promise.all(sends), "160 MiB of sends");
  await using reader = await Reader.open(transport, [topic]);
  await reader.until(40);
  assertEquals(
    reader.messages.map((message) => message.value[0]),
    Array.from({ length: 40 }, (_, index) => index),
  );
});

testKafka("an aborted send rejects with the reason while its topic is being created", async () => {
  await using transport = await openQuick();
  const controller = new AbortController();
  const reason = new Error("no longer wanted");
  const send = transport.send(unique("aborted"), [{ value: bytes("x") }], { signal: controller.signal });
  controller.abort(reason);
  assertEquals(await assertRejects(() => send, Error), reason);
});

for (const compression of ["gzip", "snappy", "lz4", "zstd"]) {
  testKafka(`batches compressed with ${compression} are read`, async () => {
    const topic = unique(compression);
    await createTopic(topic, { "compression.type": compression });
    await using transport = await openQuick();
    const texts = Array.from({ length: 300 }, (_, index) => `${index} ${"abc ".repeat(index)}`);
    await transport.send(topic, texts.map((text) => ({ value: bytes(text) })));
    await using reader = await Reader.open(transport, [topic]);
    await reader.until(300);
    assertEquals(sorted(reader.texts), sorted(texts));
  });
}

testKafka("a topic that was deleted and recreated is written and read from its new start", async () => {
  const topic = unique("reborn");
  await using transport = await openQuick({ partitions: 1 });
  await using reader = await Reader.open(transport, [topic], { group: unique("group"), commit: true });
  await transport.send(topic, [{ value: bytes("old 0") }, { value: bytes("old 1") }]);
  await reader.until(2);
  const deletion = asAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    // The controller answers; until the broker has heard of it too, the broker appends to the old log.
    while ((await admin.listTopics()).includes(topic)) await sleep(20);
  });
  await within(deletion, "the deletion of a topic");
  await within(transport.send(topic, [{ value: bytes("new") }]), "a send to a deleted topic");
  await reader.until(3);
  assertEquals(reader.texts, ["old 0", "old 1", "new"]);
  assertEquals(reader.messages[2]?.offset, 0);
  const [before, after] = [reader.batches[0]!.claim, reader.batches.at(-1)!.claim];
  assert(before !== after && before.lost.aborted && !after.lost.aborted);
});
