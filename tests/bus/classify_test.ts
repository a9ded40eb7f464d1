import { Bus } from "../../bus/bus.ts";
import { encodeResult } from "../../bus/envelope.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import { createMemoryBroker } from "../../bus/transport/memory.ts";
import { assertEquals } from "../../testing/assert.ts";

const IMAGE = new Uint8Array([1, 2, 3]);

/** A bus whose requests can be read and answered before `send` resolves, as while the disk is waited for. */
function heldBus() {
  const broker = createMemoryBroker();
  const transport = broker.connect();
  const other = broker.connect();
  const disk = Promise.withResolvers<void>();
  const store = transport.send.bind(transport);
  transport.send = async (...messages) => {
    await store(...messages);
    await disk.promise;
  };
  const bus = new Bus(transport);
  return {
    bus,
    disk,
    /** Resolves when everybody can have the answer to the next request. */
    async answer(): Promise<void> {
      await using requests = await other.subscribe(["imagebus.mnist"]);
      await using results = await other.subscribe([RESULTS_TOPIC]);
      for await (const { messages: [request] } of requests) {
        const id = String(request!.headers["ce_id"]);
        const error = { code: "not_an_image", message: "" };
        const times = { at: new Date().toISOString(), waitedMs: 0, tookMs: 0 };
        const result = { status: "failed", id, model: "mnist", ...times, error } as const;
        await other.send(RESULTS_TOPIC, [encodeResult(result, { id, key: id })]);
        break;
      }
      for await (const _ of results) break;
    },
    async [Symbol.asyncDispose]() {
      await bus.close();
      await other.close();
      broker[Symbol.dispose]();
    },
  };
}

Deno.test("classify: an answer that comes before the request is on the disk is kept back until then", async () => {
  await using held = heldBus();
  const events: string[] = [];
  const asked = held.bus.classify(IMAGE, { model: "mnist" }).then(() => events.push("answered"));
  await held.answer();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
  events.push("stored");
  held.disk.resolve();
  await asked;
  assertEquals(events, ["stored", "answered"]);
});

Deno.test("classify: a disk that takes too long does not take the answer away", async () => {
  await using held = heldBus();
  const asked = held.bus.classify(IMAGE, { model: "mnist", timeoutMs: 500 });
  await held.answer();
  assertEquals((await asked).status, "failed");
  held.disk.resolve();
});

Deno.test("results: a closed stream leaves nothing at its signal", async () => {
  await using bus = new Bus(createMemoryBroker().connect());
  const { signal } = new AbortController();
  let listeners = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
  for (let i = 0; i < 3; i++) await bus.results({ signal }).close();
  await Promise.resolve();
  assertEquals(listeners, 0);
});
