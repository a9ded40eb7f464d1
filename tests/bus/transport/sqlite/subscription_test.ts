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

Deno.test("sqlite subscription: a connection does not keep those that are closed", async () => {
  const program = `
    import { createMemoryBroker } from "${new URL("../../../../bus/transport/memory.ts", import.meta.url)}";
    const transport = createMemoryBroker().connect();
    const closed = [];
    for (let i = 0; i < 20; i++) {
      const subscription = await transport.subscribe(["topic"], { until: "end" });
      closed.push(new WeakRef(subscription));
      await subscription.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    gc();
    console.log(closed.filter((one) => one.deref()).length);
    await transport.close();`;
  const args = ["eval", "--v8-flags=--expose-gc", program];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  const alive = Number(new TextDecoder().decode(stdout).trim() || NaN);
  assert(alive <= 1, `${alive} of 20 are kept`);
});
