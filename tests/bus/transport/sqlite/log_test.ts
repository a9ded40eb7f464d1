import { createMemoryBroker } from "../../../../bus/transport/memory.ts";
import { assertEquals } from "../../../../testing/assert.ts";

Deno.test("sqlite log: the partitions of many topics keep their messages apart, each at its own offset", async () => {
  using broker = createMemoryBroker();
  await using transport = broker.connect({ partitions: 1_000 });
  // The last of them has the partitions 9,001 to 10,000: from 8,192 on, ids of records exceed 2 ** 53.
  await transport.ensureTopics(Array.from({ length: 10 }, (_, i) => `topic${i}`));
  for (let i = 0; i < 4; i++) await transport.send("topic9", [{ key: "k", value: new Uint8Array([i]) }]);
  await using stored = await transport.subscribe(["topic9"], { until: "end" });
  const messages = (await Array.fromAsync(stored)).flatMap(({ messages }) => messages);
  assertEquals(messages.map(({ offset, value }) => [offset, value[0]]), [[0, 0], [1, 1], [2, 2], [3, 3]]);
  const { partition } = messages[0]!;
  await transport.removeBefore("topic9", new Map([[partition, 1]]));
  await using rest = await transport.subscribe(["topic9"], { until: "end" });
  assertEquals((await Array.fromAsync(rest)).flatMap(({ messages }) => messages).length, 3);
});
