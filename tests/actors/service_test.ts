import { ServiceError } from "../../actors/errors.ts";
import type { ServiceEvent } from "../../actors/events.ts";
import { serve, type ServeOptions } from "../../actors/serve.ts";
import type { ModelStatus } from "../../actors/workers/status.ts";
import { type StartWorker, startWorker, startWorkerOf } from "../../actors/workers/worker_handle.ts";
import { createMemoryBroker } from "../../bus/transport/memory.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../testing/assert.ts";
import { committed, RunningService, take } from "../fixtures/running_service.ts";
import { imagesOf, SEVEN } from "../../testing/images.ts";

Deno.test("service: each image is classified by the model it asks for, and its result comes back", async () => {
  await using running = await RunningService.start(createMemoryBroker());
  const images = [...imagesOf("mnist"), ...imagesOf("fashion-mnist")];
  const results = await Promise.all(images.map(({ png, model }) => running.bus.classify(png, { model })));
  assertEquals(results.map(({ model }) => model), images.map(({ model }) => model));
  const correct = results.filter((result, i) =>
    result.status === "classified" && result.index === images[i]!.index
  );
  assert(correct.length >= 16, `only ${correct.length} of 20 are correct`);
  assertEquals(running.sink.results.map(({ id }) => id).sort(), results.map(({ id }) => id).sort());
});

Deno.test("service: results() yields all results, with the true label and the file name of the sender", async () => {
  await using running = await RunningService.start(createMemoryBroker(), { models: ["mnist"] });
  await using results = running.bus.results({ model: "mnist" });
  await results.ready;
  const id = await running.bus.send(SEVEN.png, { model: "mnist", actual: "7", fileName: "a/7.png" });
  const [result] = await take(results, 1);
  assert(result?.status === "classified");
  assertEquals([result.id, result.label, result.index, result.actual, result.fileName], [
    id,
    "7",
    7,
    "7",
    "a/7.png",
  ]);
  assertEquals(result.top[0], { index: 7, label: "7", confidence: result.confidence });
  assert(result.top.length === 5 && result.confidence > 0.5 && result.waitedMs >= 0 && result.tookMs > 0);
});

Deno.test("service: close drains, so that the next service classifies nothing twice", async () => {
  const broker = createMemoryBroker();
  const ids: string[] = [];
  const first = await RunningService.start(broker, { models: ["mnist"], maxBatch: 8 });
  for (let i = 0; i < 200; i++) ids.push(await first.bus.send(SEVEN.png, { model: "mnist" }));
  assertEquals(await first.service.close(), 0);
  const done = first.sink.results.length;
  const second = await RunningService.start(broker, { models: ["mnist"] });
  await using all = second.bus.results({ from: "start" });
  await take(all, ids.length);
  await second.service.close();
  const seen = [...first.sink.results, ...second.sink.results].map(({ id }) => id);
  assertEquals([...seen].sort(), [...ids].sort());
  assertEquals(await committed(second.bus), ids.length);
  assert(done <= ids.length);
  await Promise.all([first.bus.close(), second.bus.close()]);
});

Deno.test("service: results of equal keys keep the order of their requests", async () => {
  await using running = await RunningService.start(createMemoryBroker(), { models: ["mnist"], maxBatch: 7 });
  await using results = running.bus.results();
  await results.ready;
  const keys = ["a", "b", "c"];
  for (let i = 0; i < 150; i++) {
    await running.bus.send(SEVEN.png, { model: "mnist", id: `${keys[i % 3]}-${i}`, key: keys[i % 3]! });
  }
  const ids = (await take(results, 150)).map(({ id }) => id);
  for (const key of keys) {
    const order = ids.filter((id) => id.startsWith(key)).map((id) => Number(id.slice(2)));
    assertEquals(order, [...order].sort((a, b) => a - b));
  }
});

Deno.test("service: results of equal keys keep their order with several Workers and refused requests among them", async () => {
  const options = { models: ["mnist"], maxBatch: 3, workersPerModel: { mnist: 3 } };
  await using running = await RunningService.start(createMemoryBroker(), options, uneven);
  await using results = running.bus.results();
  await results.ready;
  const headers = { ce_specversion: "1.0", ce_source: "test", ce_type: "imagebus.classify" };
  await running.bus.transport.send(
    "imagebus.mnist",
    Array.from({ length: 90 }, (_, i) => ({
      key: `key ${i % 2}`,
      value: SEVEN.png,
      headers: { ...headers, ce_id: String(i), ...(i % 10 === 9 && { ce_model: "mnits" }) },
    })),
  );
  const taken = await take(results, 90);
  for (const parity of [0, 1]) {
    const order = taken.map(({ id }) => Number(id)).filter((id) => id % 2 === parity);
    assertEquals(order, [...order].sort((a, b) => a - b));
  }
  assertEquals(taken.filter(({ status }) => status === "failed").length, 9);
  const [mnist] = running.service.status();
  assertEquals(mnist!.workers.filter(({ images }) => images > 0).length, 3);
});

/** Every other Worker is slow, so that batches end in another order than they began. */
const uneven: StartWorker = (() => {
  let started = 0;
  return async (files, options) => {
    const worker = await startWorker(files, options);
    const slow = started++ % 2 === 0;
    return {
      gone: worker.gone,
      terminate: () => worker.terminate(),
      async run(images) {
        const done = await worker.run(images);
        if (slow) await new Promise((resolve) => setTimeout(resolve, 30));
        return done;
      },
    };
  };
})();

for (
  const [what, program] of [["memory of the kernels", "worker"], ["objects", "heap_worker"], [
    "buffers",
    "buffers_worker",
  ]]
) {
  Deno.test(`service: a model that leaks ${what} is replaced at most one batch after it exceeds its limit, and no image is lost`, async () => {
    const leaking = startWorkerOf(new URL(`../fixtures/leaking_${program}.ts`, import.meta.url));
    const replaced: string[] = [];
    const onEvent = (event: ServiceEvent) =>
      void (event.type === "worker_replaced" && replaced.push(event.reason));
    const options = { models: ["mnist"], maxBatch: 1, maxWorkerMemoryMb: 80, onEvent };
    await using running = await RunningService.start(createMemoryBroker(), options, leaking);
    const largest: number[] = [];
    for (let i = 0; i < 20; i++) {
      assertEquals((await running.bus.classify(SEVEN.png, { model: "mnist" })).status, "classified");
      largest.push(running.service.status()[0]!.workers[0]!.memoryBytes ?? 0);
    }
    const [{ state, workers }] = running.service.status() as [ModelStatus];
    assert(Math.max(...largest) <= 120 * 2 ** 20, `grew to ${Math.max(...largest)} bytes`);
    assert(replaced.length >= 3, `replaced ${replaced.length} times`);
    assertStringIncludes(replaced[0]!, "the limit is 80.0 MB");
    assertEquals([state, workers[0]!.restarts, workers[0]!.images], ["up", 0, 20]);
  });
}

Deno.test("service: a model that exceeds the memory limit at its start is refused", async () => {
  await using transport = createMemoryBroker().connect();
  const options = { models: ["cifar-10"], maxWorkerMemoryMb: 16 };
  const error = await assertRejects(
    () => serve(transport, options),
    ServiceError,
    "the limit is 16 MB",
  );
  assertEquals(error.code, "invalid");
});

Deno.test("service: the bounds of decoding are options, and a refusal states the value and the limit", async () => {
  const limits = { maxScans: 3, maxFrames: 1 };
  await using running = await RunningService.start(createMemoryBroker(), { models: ["mnist"], ...limits });
  const names = ["restarts-progressive.jpg", "several.ico"];
  const results = await Promise.all(names.map((name) => {
    const image = Deno.readFileSync(new URL(`../fixtures/images/${name}`, import.meta.url));
    return running.bus.classify(image, { model: "mnist" });
  }));
  assertEquals(results.map((result) => result.status === "failed" ? result.error : result.status), [
    { code: "over_limit", message: "The JPEG has 4 scans or more; the limit is 3" },
    { code: "over_limit", message: "The ICO has 2 frames or more; the limit is 1" },
  ]);
});

Deno.test("service: topics of the legacy system are served where they exist, and created only on demand", async () => {
  const record = { key: "7", value: new TextEncoder().encode(JSON.stringify(SEVEN.png.toBase64())) };
  const served = async (options: ServeOptions, exists: boolean) => {
    const broker = createMemoryBroker();
    if (exists) await (await broker.connect()).send("topic_mnist", [record]);
    await using running = await RunningService.start(broker, { models: ["mnist"], ...options });
    const topics = (await running.bus.transport.topics("imagebus")).map(({ name }) => name);
    return topics.includes("topic_mnist") &&
      (await take(running.bus.results({ from: "start" }), 1))[0]?.actual;
  };
  assertEquals(await served({}, true), "7");
  assertEquals(await served({}, false), false);
  const created = createMemoryBroker();
  await using running = await RunningService.start(created, { models: ["mnist"], legacyTopics: "create" });
  await using results = running.bus.results();
  await results.ready;
  await running.bus.transport.send("topic_mnist", [record]);
  assertEquals((await take(results, 1))[0]?.actual, "7");
});

Deno.test("service: with legacyTopics off, their records stay where they are", async () => {
  const broker = createMemoryBroker();
  const record = { key: "7", value: new TextEncoder().encode(JSON.stringify(SEVEN.png.toBase64())) };
  await using client = await broker.connect();
  await client.send("topic_mnist", [record]);
  await using running = await RunningService.start(broker, { models: ["mnist"], legacyTopics: "off" });
  await running.bus.classify(SEVEN.png, { model: "mnist" });
  const infos = await client.topics("imagebus");
  assertEquals(
    infos.find(({ name }) => name === "topic_mnist")?.partitions.map(({ committed }) => committed)
      .every((committed) => committed === null),
    true,
  );
});

Deno.test("service: invalid options and unknown models are refused before anything starts", async () => {
  const transport = createMemoryBroker().connect();
  const cases: [ServeOptions, string][] = [
    [{ maxBatch: 0 }, "maxBatch is 0: expected a whole number from 1 to 1024"],
    [{ drainMs: NaN }, "drainMs is NaN"],
    [{ maxInFlight: 1.5 }, "maxInFlight is 1.5"],
    [{ workersPerModel: Infinity }, "workersPerModel is Infinity"],
    [{ workersPerModel: { mnist: 65 } }, "workersPerModel is 65: expected a whole number from 1 to 64"],
    [
      { models: ["mnist"], workersPerModel: { mnits: 2 } },
      'workersPerModel has the unknown model "mnits": expected one of mnist',
    ],
  ];
  for (const [options, message] of cases) {
    await assertRejects(() => serve(transport, options), ServiceError, message);
  }
  await assertRejects(() => serve(transport, { models: ["mnits"] }), Error, "mnits");
  await transport.close();
});

Deno.test("service: it has closed even if a sink cannot be closed", async () => {
  await using transport = createMemoryBroker().connect();
  const sink = {
    name: "own",
    write: () => Promise.resolve(),
    close: () => Promise.reject(new Error("cannot close")),
  };
  const service = await serve(transport, { models: ["mnist"], sinks: [sink] });
  await assertRejects(() => service.close(), Error, "cannot close");
  assertEquals(
    await Promise.race([service.closed, new Promise((resolve) => setTimeout(resolve, 1_000, "pending"))]),
    null,
  );
});
