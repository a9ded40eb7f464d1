import { createMemoryBroker } from "../../../../bus/transport/memory.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";

const MESSAGE = { value: new Uint8Array(1) };

Deno.test("sqlite: a backlog does not delay what is stored elsewhere meanwhile", async () => {
  using broker = createMemoryBroker();
  await using transport = broker.connect();
  await transport.send("backlog", Array.from({ length: 50 }, () => MESSAGE));
  await using subscription = await transport.subscribe(["backlog", "other"], { maxBatchMessages: 1 });
  const topics: string[] = [];
  for await (const { claim, messages } of subscription) {
    assertEquals(messages.length, 1);
    topics.push(claim.topic);
    if (topics.length === 1) await transport.send("other", [MESSAGE]);
    if (topics.includes("other")) break;
  }
  assert(topics.length < 50, `the other topic came after ${topics.length - 1} messages of the backlog`);
});

Deno.test("sqlite: of many messages each batch has at most the bytes of one read, however uneven they are", async () => {
  using broker = createMemoryBroker();
  await using transport = broker.connect();
  const sizes = [...new Array(50).fill(10), ...new Array(5).fill(600_000)];
  await transport.send("topic", sizes.map((size) => ({ key: "one", value: new Uint8Array(size) })));
  await using subscription = await transport.subscribe(["topic"]);
  const batches: number[] = [];
  let count = 0;
  for await (const { messages } of subscription) {
    batches.push(messages.reduce((sum, { value }) => sum + value.length, 0));
    if ((count += messages.length) === sizes.length) break;
  }
  assert(batches.every((bytes) => bytes <= 1_048_576), `batches of ${batches} bytes`);
});
