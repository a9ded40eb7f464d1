import { ActorError } from "../actors/errors.ts";
import type { ServiceEvent } from "../actors/events.ts";
import { serve, type ServeOptions, serveWith } from "../actors/serve.ts";
import type { ModelStatus } from "../actors/status.ts";
import type { Settled, Sink } from "../actors/sinks/sink.ts";
import { type StartWorker, startWorker, startWorkerOf } from "../actors/worker_handle.ts";
import { Bus } from "../bus/bus.ts";
import { createMemoryBroker, type MemoryBroker } from "../bus/memory.ts";
import type { Result } from "../bus/result.ts";
import type { Message } from "../bus/transport.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "./assert.ts";
import { BAD_IMAGES } from "./bad_images.ts";
import { picturesOf, SEVEN } from "./pictures.ts";

/** Keeps what it gets, and can be told to fail. */
class MemorySink implements Sink {
  readonly name = "memory";
  readonly results: Result[] = [];
  failures = 0;

  write(batch: readonly Settled[]): Promise<void> {
    if (this.failures-- > 0) return Promise.reject(new Error("The database is away"));
    this.results.push(...batch.map(({ result }) => result));
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A bus with the shipped models at work. */
async function start(broker: MemoryBroker, options: ServeOptions = {}, starting: StartWorker = startWorker) {
  const bus = new Bus(broker.connect());
  const sink = new MemorySink();
  const service = await serveWith(starting, broker.connect(), {
    sinks: [sink],
    commitIntervalMs: 10,
    ...options,
  });
  return {
    bus,
    sink,
    service,
    async [Symbol.asyncDispose]() {
      await service.close();
      await bus.close();
    },
  };
}

async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) if (taken.push(item) === count) break;
  return taken;
}

async function deadLetters(bus: Bus, count: number): Promise<Message[]> {
  await using subscription = await bus.transport.subscribe(["imagebus.dead-letters"]);
  const messages: Message[] = [];
  for await (const batch of subscription) if (messages.push(...batch.messages) >= count) break;
  return messages;
}

async function committed(bus: Bus): Promise<number> {
  const topics = await bus.transport.topics("imagebus");
  return topics.flatMap(({ partitions }) => partitions).reduce(
    (sum, { committed }) => sum + (committed ?? 0),
    0,
  );
}

Deno.test("service: each picture goes to the model it names, and its result comes back", async () => {
  await using running = await start(createMemoryBroker());
  const pictures = [...picturesOf("mnist"), ...picturesOf("fashion-mnist")];
  const results = await Promise.all(pictures.map(({ png, model }) => running.bus.classify(png, { model })));
  assertEquals(results.map(({ model }) => model), pictures.map(({ model }) => model));
  const right = results.filter((result, i) =>
    result.status === "classified" && result.index === pictures[i]!.index
  );
  assert(right.length >= 16, `only ${right.length} of 20 are right`);
  assertEquals(running.sink.results.map(({ id }) => id).sort(), results.map(({ id }) => id).sort());
});

Deno.test("service: results() sees everyone's results, with what the sender said", async () => {
  await using running = await start(createMemoryBroker(), { models: ["mnist"] });
  await using results = running.bus.results({ model: "mnist" });
  await results.ready;
  const id = await running.bus.send(SEVEN.png, { model: "mnist", actual: "7" });
  const [result] = await take(results, 1);
  assert(result?.status === "classified");
  assertEquals([result.id, result.label, result.index, result.actual], [id, "7", 7, "7"]);
  assertEquals(result.top[0], { index: 7, label: "7", confidence: result.confidence });
  assert(result.top.length === 5 && result.confidence > 0.5 && result.waitedMs >= 0 && result.tookMs > 0);
});

Deno.test("service: what can't be classified is a dead letter and a failed result; all around it is classified", async () => {
  await using running = await start(createMemoryBroker(), { models: ["mnist"] });
  const sent = BAD_IMAGES.flatMap((bad) => [SEVEN.png, bad[1], SEVEN.png]);
  const results = await Promise.all(sent.map((image) => running.bus.classify(image, { model: "mnist" })));
  for (const [i, [what, bytes, code]] of BAD_IMAGES.entries()) {
    const [before, failed, after] = results.slice(3 * i, 3 * i + 3);
    assert(before?.status === "classified" && after?.status === "classified", what);
    assert(failed?.status === "failed", what);
    assertEquals(failed.error.code, code, what);
    const letters = await deadLetters(running.bus, BAD_IMAGES.length);
    const letter = letters.find(({ headers }) => headers["imagebus_id"] === failed.id);
    assert(letter, `no dead letter for ${what}`);
    assertEquals([...letter.value], [...bytes]);
    assertEquals(letter.headers["imagebus_reason_code"], code);
    assertEquals(letter.headers["ce_id"], failed.id);
  }
});

Deno.test("service: a malformed envelope and an unknown model in it are failed results too", async () => {
  await using running = await start(createMemoryBroker(), { models: ["mnist"] });
  await using results = running.bus.results();
  await results.ready;
  const headers = { ce_specversion: "1.0", ce_id: "x", ce_source: "test", ce_type: "imagebus.classify" };
  await running.bus.transport.send("imagebus.mnist", [
    { value: SEVEN.png },
    { value: SEVEN.png, headers: { ...headers, ce_type: "something.else" } },
    { value: SEVEN.png, headers: { ...headers, ce_id: "y", ce_model: "mnits" } },
    { value: SEVEN.png, headers: { ...headers, ce_id: "z" } },
  ]);
  const byId = new Map((await take(results, 4)).map((result) => [result.id, result]));
  assertEquals(byId.get("z")?.status, "classified");
  const codes = [...byId.values()].map((result) => result.status === "failed" ? result.error.code : "")
    .sort();
  assertEquals(codes, ["", "malformed_envelope", "malformed_envelope", "unknown_model"]);
  const unknown = byId.get("y");
  assertStringIncludes(unknown?.status === "failed" ? unknown.error.message : "", 'No model "mnits"');
});

Deno.test("service: a request to a model that nobody ever served is answered", async () => {
  await using running = await start(createMemoryBroker(), { models: ["mnist"] });
  const result = await running.bus.classify(SEVEN.png, { model: "mnits", timeoutMs: 20_000 });
  assert(result.status === "failed");
  assertEquals(result.error.code, "unknown_model");
  const [letter] = await deadLetters(running.bus, 1);
  assertEquals([...letter!.value], [...SEVEN.png]);
});

Deno.test("service: what came too late is not computed, and is no dead letter", async () => {
  const broker = createMemoryBroker();
  const bus = new Bus(broker.connect());
  const late = await bus.send(SEVEN.png, { model: "mnist", expiresAfterMs: -1 });
  const early = await bus.send(SEVEN.png, { model: "mnist", expiresAfterMs: 60_000 });
  await using results = bus.results({ from: "start" });
  await using _running = await start(broker, { models: ["mnist"] });
  const byId = new Map((await take(results, 2)).map((result) => [result.id, result]));
  const expired = byId.get(late);
  assertEquals(expired?.status === "failed" && expired.error.code, "expired");
  assertEquals(byId.get(early)?.status, "classified");
  const topics = await bus.transport.topics();
  assertEquals(topics.some(({ name }) => name === "imagebus.dead-letters"), false);
  await bus.close();
});

Deno.test("service: close drains, and the next start classifies nothing twice", async () => {
  const broker = createMemoryBroker();
  const ids: string[] = [];
  const first = await start(broker, { models: ["mnist"], maxBatch: 8 });
  for (let i = 0; i < 200; i++) ids.push(await first.bus.send(SEVEN.png, { model: "mnist" }));
  assertEquals(await first.service.close(), 0);
  const done = first.sink.results.length;
  const second = await start(broker, { models: ["mnist"] });
  await using all = second.bus.results({ from: "start" });
  await take(all, ids.length);
  await second.service.close();
  const seen = [...first.sink.results, ...second.sink.results].map(({ id }) => id);
  assertEquals([...seen].sort(), [...ids].sort());
  assertEquals(await committed(second.bus), ids.length);
  assert(done <= ids.length);
  await Promise.all([first.bus.close(), second.bus.close()]);
});

Deno.test("service: while a sink fails nothing is committed, reading stops, and then nothing is lost or doubled", async () => {
  const broker = createMemoryBroker();
  const failing = Promise.withResolvers<void>();
  const events: ServiceEvent["type"][] = [];
  const onEvent = (event: ServiceEvent) => {
    events.push(event.type);
    if (event.type === "sink_failing") failing.resolve();
  };
  await using running = await start(broker, { models: ["mnist"], maxInFlight: 16, maxBatch: 4, onEvent });
  running.sink.failures = 3;
  await using results = running.bus.results();
  await results.ready;
  const ids = await Promise.all(
    Array.from({ length: 100 }, () => running.bus.send(SEVEN.png, { model: "mnist" })),
  );
  await failing.promise;
  assertEquals(await committed(running.bus), 0);
  const [mnist] = running.service.status();
  assert(mnist!.inFlight < 100, `all ${mnist!.inFlight} are in flight`);
  await take(results, 100);
  await running.service.close();
  assertEquals(running.sink.results.map(({ id }) => id).sort(), ids.sort());
  assert(events.includes("sink_recovered"));
  assertEquals(await committed(running.bus), 100);
});

Deno.test("service: results of equal keys come in the order in which the images were sent", async () => {
  await using running = await start(createMemoryBroker(), { models: ["mnist"], maxBatch: 7 });
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

Deno.test("service: results of equal keys keep their order with several Workers, a refused picture among them", async () => {
  const options = { models: ["mnist"], maxBatch: 3, workersPerModel: { mnist: 3 } };
  await using running = await start(createMemoryBroker(), options, uneven);
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

Deno.test("service: a model that is down keeps its work and leaves the others alone", async () => {
  let broken = true;
  const down = Promise.withResolvers<void>();
  /** The Workers of mnist die as soon as they are given anything. */
  const dying: StartWorker = async (files, options) => {
    const worker = await startWorker(files, options);
    if (files.manifest.name !== "mnist") return worker;
    return {
      gone: worker.gone,
      terminate: () => worker.terminate(),
      run(images) {
        if (broken) worker.terminate();
        return worker.run(images);
      },
    };
  };
  const onEvent = (event: ServiceEvent) =>
    void (event.type === "model" && event.state === "down" && down.resolve());
  await using running = await start(
    createMemoryBroker(),
    { models: ["fashion-mnist", "mnist"], onEvent, maxRestarts: 2, downPauseMs: 500 },
    dying,
  );
  const waiting = Array.from({ length: 3 }, () => running.bus.classify(SEVEN.png, { model: "mnist" }));
  await down.promise;
  assertEquals(running.service.status().map(({ state }) => state), ["up", "down"]);
  broken = false;
  const other = await running.bus.classify(picturesOf("fashion-mnist")[0]!.png);
  assertEquals(other.status, "classified");
  const statuses = (await Promise.all(waiting)).map(({ status }) => status);
  assert(statuses.filter((status) => status === "classified").length >= 2, statuses.join());
});

for (
  const [what, program] of [["tensors", "worker"], ["objects", "heap_worker"], ["buffers", "buffers_worker"]]
) {
  Deno.test(`service: a model that leaks ${what} is replaced before it passes its bound by more than a batch, and no image is lost`, async () => {
    const leaking = startWorkerOf(new URL(`./fixtures/leaking_${program}.ts`, import.meta.url));
    const replaced: string[] = [];
    const onEvent = (event: ServiceEvent) =>
      void (event.type === "worker_replaced" && replaced.push(event.reason));
    const options = { models: ["mnist"], maxBatch: 1, maxWorkerMemoryMb: 80, onEvent };
    await using running = await start(createMemoryBroker(), options, leaking);
    const largest: number[] = [];
    for (let i = 0; i < 20; i++) {
      assertEquals((await running.bus.classify(SEVEN.png, { model: "mnist" })).status, "classified");
      largest.push(running.service.status()[0]!.workers[0]!.memoryBytes ?? 0);
    }
    const [{ state, workers }] = running.service.status() as [ModelStatus];
    assert(Math.max(...largest) <= 120 * 2 ** 20, `grew to ${Math.max(...largest)} bytes`);
    assert(replaced.length >= 3, `replaced ${replaced.length} times`);
    assertStringIncludes(replaced[0]!, "80.0 MB are allowed");
    assertEquals([state, workers[0]!.restarts, workers[0]!.images], ["up", 0, 20]);
  });
}

Deno.test("service: a model that needs more memory than a Worker may have is refused", async () => {
  await using transport = createMemoryBroker().connect();
  const options = { models: ["cifar-10"], maxWorkerMemoryMb: 16 };
  const error = await assertRejects(
    () => serve(transport, options),
    ActorError,
    "but only 16 MB may be used",
  );
  assertEquals(error.code, "invalid");
});

Deno.test("service: wrong options and names are refused before anything starts", async () => {
  const transport = createMemoryBroker().connect();
  const cases: [ServeOptions, string][] = [
    [{ maxBatch: 0 }, "maxBatch is 0: expected a whole number from 1 to 1024"],
    [{ drainMs: NaN }, "drainMs is NaN"],
    [{ maxInFlight: 1.5 }, "maxInFlight is 1.5"],
    [{ workersPerModel: Infinity }, "workersPerModel is Infinity"],
    [{ workersPerModel: { mnist: 65 } }, "workersPerModel is 65: expected a whole number from 1 to 64"],
    [{ models: ["mnist"], workersPerModel: { mnits: 2 } }, 'workersPerModel names "mnits": served are mnist'],
  ];
  for (const [options, message] of cases) {
    await assertRejects(() => serve(transport, options), ActorError, message);
  }
  await assertRejects(() => serve(transport, { models: ["mnits"] }), Error, "mnits");
  await transport.close();
});
