/**
 * The failure table, row by row; rows that depend on the bus are in failure_table_bus_test.ts.
 * docs/guarantees.md lists, for each row, the mechanism without which its test fails.
 *
 * @module
 */
import { ServiceError } from "../../actors/errors.ts";
import type { ServeOptions } from "../../actors/options.ts";
import { type StartWorker, startWorker, startWorkerOf } from "../../actors/workers/worker_handle.ts";
import type { Bus } from "../../bus/bus.ts";
import type { DeadLetter } from "../../bus/dead_letter.ts";
import type { Result } from "../../bus/result.ts";
import { poisoned } from "../../tools/chaos/poison.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { BAD_IMAGES } from "../../testing/bad_images.ts";
import { EmbeddedBus } from "../fixtures/embedded_bus.ts";
import { committed, RunningService, take } from "../fixtures/running_service.ts";
import { imagesOf, SEVEN } from "../../testing/images.ts";
import { eventually, within } from "../bus/transport/suite/harness.ts";

const MNIST = { models: ["mnist"] };
/** All 64 images go to one Worker at once, however long they take. */
const ONE_BATCH = { workersPerModel: 1, maxBatchMs: 60_000 };

/** Sends images with one key, so that they are in one partition and are read together. */
function sendTogether(bus: Bus, images: readonly Uint8Array[]): Promise<string[]> {
  return Promise.all(images.map((image, i) => bus.send(image, { model: "mnist", key: "k", id: `${i}` })));
}

function codeOf(result: Result | undefined): string {
  return result?.status === "failed" ? result.error.code : result?.status ?? "none";
}

/** Waits for the results of {@linkcode sendTogether}, and returns the code of each, in order. */
async function answers(bus: Bus, count: number): Promise<string[]> {
  await using results = bus.results({ from: "start" });
  const taken = await within(take(results, count), `${count} results`, 60_000);
  const byId = new Map(taken.map((result) => [result.id, codeOf(result)]));
  return Array.from({ length: count }, (_, i) => byId.get(`${i}`)!);
}

async function lettersOf(bus: Bus): Promise<Map<string, DeadLetter>> {
  return new Map((await Array.fromAsync(bus.deadLetters())).map((letter) => [letter.id, letter]));
}

/** Real Workers, with their number and the sizes of their batches. */
function counted(start: StartWorker, onBatch: (images: number, end: () => void) => void = () => {}) {
  const batches: number[] = [];
  let started = 0;
  const counting: StartWorker = async (files, options) => {
    started++;
    const worker = await start(files, options);
    return {
      gone: worker.gone,
      terminate: () => worker.terminate(),
      get decoding() {
        return worker.decoding;
      },
      run(images) {
        batches.push(images.length);
        const running = worker.run(images);
        onBatch(images.length, () => worker.terminate());
        return running;
      },
    };
  };
  return { start: counting, batches, started: () => started };
}

Deno.test("When not an image, too large, too many pixels, unknown model, malformed envelope: dead letter with the original and the reason; the asker, the log and a counter show it", async () => {
  await using embedded = new EmbeddedBus({ maxMessageBytes: 100_000 });
  await using running = await RunningService.start(embedded, MNIST);
  await using bus = await embedded.bus();
  const { service, log } = running;
  const headers = { ce_specversion: "1.0", ce_source: "test", ce_type: "imagebus.classify" };
  const large = new Uint8Array(100_001);
  const bad: { image: Uint8Array; code: string; model?: string; record?: Record<string, string> }[] = [
    ...BAD_IMAGES.map(([, image, code]) => ({ image, code })),
    { image: large, code: "too_large" },
    { image: SEVEN.png, code: "unknown_model", model: "never-served" },
    { image: SEVEN.png, code: "unknown_model", record: { ...headers, ce_model: "mnits" } },
    { image: SEVEN.png, code: "malformed_envelope", record: { ...headers, ce_type: "something.else" } },
  ];
  await using results = bus.results({ from: "start" });
  for (const [i, { image, model = "mnist", record }] of bad.entries()) {
    await bus.send(SEVEN.png, { model: "mnist", id: `before ${i}` });
    if (record === undefined) await bus.send(image, { model, id: `bad ${i}` });
    else {await bus.transport.send("imagebus.mnist", [{
        value: image,
        headers: { ...record, ce_id: `bad ${i}` },
      }]);}
    await bus.send(SEVEN.png, { model: "mnist", id: `after ${i}` });
  }
  const taken = await within(take(results, 3 * bad.length), "all results", 60_000);
  const codes = new Map(taken.map((result) => [result.id, codeOf(result)]));
  const letters = await lettersOf(bus);
  for (const [i, { image, code }] of bad.entries()) {
    const id = `bad ${i}`;
    assertEquals([`before ${i}`, id, `after ${i}`].map((id) => codes.get(id)), [
      "classified",
      code,
      "classified",
    ]);
    const letter = letters.get(id);
    assertEquals([letter?.error.code, letter?.bytes], [code, image.length]);
    // The service cannot send what exceeds its own limit: the letter holds the position of the original.
    if (code === "too_large") assertEquals([letter?.omitted, letter?.topic], [true, "imagebus.mnist"]);
    else assertEquals([[...letter!.value], letter!.headers["ce_id"]], [[...image], id]);
    assert(log.some((line) => line.startsWith(`Dead letter ${id}: ${code}: `)), `not in the log: ${id}`);
  }
  assertEquals(letters.size, bad.length);
  const counts = Map.groupBy(bad, ({ code }) => code);
  assertEquals(
    service.health().deadLetters,
    Object.fromEntries([...counts].map(([code, all]) => [code, all.length])),
  );
  assertEquals(service.status()[0]!.workers.map(({ failures }) => failures), [BAD_IMAGES.length]);
  assertEquals(service.health().state, "ready");
});

Deno.test("When a Worker throws on a batch: the batch is split in halves until the culprit is alone; alone and failing twice, it is a dead letter; the asker, the log and a counter show it", async () => {
  await using embedded = new EmbeddedBus();
  await using bus = await embedded.bus();
  const culprit = poisoned(SEVEN.png);
  await sendTogether(bus, Array.from({ length: 64 }, (_, i) => i === 42 ? culprit : SEVEN.png));
  const throwing = counted(startWorkerOf(new URL("../../tools/chaos/model_worker.ts", import.meta.url)));
  await using running = await RunningService.start(
    embedded,
    { ...MNIST, ...ONE_BATCH },
    throwing.start,
  );
  assertEquals(
    await answers(bus, 64),
    Array.from({ length: 64 }, (_, i) => i === 42 ? "model_error" : "classified"),
  );
  assertEquals(throwing.batches, [64, 32, 32, 16, 8, 8, 4, 2, 2, 1, 1, 1, 4, 16]);
  const letters = await lettersOf(bus);
  assertEquals([[...letters.keys()], [...letters.get("42")!.value]], [["42"], [...culprit]]);
  assertEquals(running.log.length, 1);
  assertMatch(running.log[0]!, /^Dead letter 42: model_error: .* threw on a batch of 1: /);
  assertEquals(running.service.health().deadLetters, { model_error: 1 });
  const [{ restarts, failures, images }] = running.service.status()[0]!.workers as [never];
  assertEquals([throwing.started(), restarts, failures, images], [1, 0, 1, 64]);
});

Deno.test("When a Worker dies: it is terminated and replaced; its batch is retried, split; the log and a counter show it", async () => {
  await using embedded = new EmbeddedBus();
  await using bus = await embedded.bus();
  await sendTogether(bus, Array.from({ length: 64 }, () => SEVEN.png));
  const dying = counted(startWorker, (images, end) => images > 1 && end());
  await using running = await RunningService.start(embedded, { ...MNIST, ...ONE_BATCH }, dying.start);
  assertEquals(new Set(await answers(bus, 64)), new Set(["classified"]));
  assertEquals(dying.batches, [64, ...Array.from({ length: 64 }, () => 1)]);
  assertEquals(running.log, [
    "mnist is restarting: The Worker of mnist was terminated",
    "mnist is up: restarted",
  ]);
  const [{ restarts, failures, images }] = running.service.status()[0]!.workers as [never];
  assertEquals([dying.started(), restarts, failures, images], [2, 1, 0, 64]);
  assertEquals((await lettersOf(bus)).size, 0);
});

Deno.test("When a Worker is silent past its deadline: it is terminated and replaced; its batch is retried, split; the log and a counter show it", async () => {
  await using embedded = new EmbeddedBus();
  await using bus = await embedded.bus();
  await sendTogether(bus, Array.from({ length: 8 }, () => SEVEN.png));
  const hanging = counted(startWorkerOf(new URL("../fixtures/hanging_worker.ts", import.meta.url)));
  const options = { ...MNIST, workersPerModel: 1, deadlineMs: 10_000 };
  await using running = await RunningService.start(embedded, options, hanging.start);
  assertEquals(new Set(await answers(bus, 8)), new Set(["classified"]));
  assertEquals(hanging.batches, [8, 1, 1, 1, 1, 1, 1, 1, 1]);
  assertEquals(running.log, [
    "mnist is restarting: The Worker of mnist did not answer within 10000 ms",
    "mnist is up: restarted",
  ]);
  const [{ restarts, failures, images }] = running.service.status()[0]!.workers as [never];
  assertEquals([hanging.started(), restarts, failures, images], [2, 1, 0, 8]);
});

/** Eight images in one batch; the Worker never ends to decode the third. */
async function decodeStuck(options: ServeOptions) {
  await using embedded = new EmbeddedBus();
  await using bus = await embedded.bus();
  await sendTogether(bus, Array.from({ length: 8 }, (_, i) => i === 2 ? poisoned(SEVEN.png) : SEVEN.png));
  const stuck = counted(startWorkerOf(new URL("../fixtures/stuck_decoder_worker.ts", import.meta.url)));
  await using running = await RunningService.start(
    embedded,
    { ...MNIST, workersPerModel: 1, ...options },
    stuck.start,
  );
  const codes = await answers(bus, 8);
  const [{ restarts, replacements, failures }] = running.service.status()[0]!.workers as [never];
  const { log } = running;
  return { codes, batches: stuck.batches, log, restarts, replacements, failures };
}

function thirdOfEight(code: string): string[] {
  return Array.from({ length: 8 }, (_, i) => i === 2 ? code : "classified");
}

Deno.test("When an image is not decoded in time by a decoder that looks at no clock: its Worker is replaced, which is not a death; it alone is a dead letter", async () => {
  const { codes, batches, log, ...counts } = await decodeStuck({ maxDecodeMs: 1_000 });
  assertEquals([codes, batches], [thirdOfEight("over_limit"), [8, 7]]);
  const reason = "The Worker of mnist took longer than 1000 ms to decode an image";
  assertEquals(log.toSorted(), [
    `Dead letter 2: over_limit: ${reason}`,
    `Replacing a Worker of mnist: ${reason}`,
  ]);
  assertEquals(counts, { restarts: 0, replacements: 1, failures: 1 });
});

Deno.test("When a Worker is silent on an image that it decodes: that image is retried alone, the others together", async () => {
  const { codes, batches, log: _log, ...counts } = await decodeStuck({ deadlineMs: 3_000 });
  assertEquals([codes, batches], [thirdOfEight("model_silent"), [8, 1, 7]]);
  assertEquals(counts, { restarts: 2, replacements: 0, failures: 1 });
});

/** A Worker of mnist dies of the first batch, and no other can be started until mnist is repaired. */
function dyingMnist(): { readonly start: StartWorker; readonly repair: () => void } {
  let broken = false;
  let wasBroken = false;
  const start: StartWorker = async (files, options) => {
    if (broken) throw new ServiceError("worker_died", "The Worker of mnist ended");
    const worker = await startWorker(files, options);
    if (files.manifest.name !== "mnist") return worker;
    return {
      gone: worker.gone,
      terminate: () => worker.terminate(),
      run(images) {
        const running = worker.run(images);
        if (!wasBroken) broken = wasBroken = true;
        if (broken) worker.terminate();
        return running;
      },
    };
  };
  return { start, repair: () => broken = false };
}

Deno.test("When all models are down: health is not ready until one has recovered", async () => {
  const mnist = dyingMnist();
  await using embedded = new EmbeddedBus();
  const options = { models: ["mnist"], workersPerModel: 1, downPauseMs: 200 };
  await using running = await RunningService.start(embedded, options, mnist.start);
  const { bus, service } = running;
  const waiting = bus.classify(SEVEN.png, { model: "mnist", timeoutMs: 60_000 });
  await within(running.logged(/^mnist is down: /), "down");
  assertEquals(service.health(), {
    state: "not ready",
    reasons: ["mnist is down: The Worker of mnist ended"],
    deadLetters: {},
  });
  mnist.repair();
  assertEquals((await waiting).status, "classified");
  assertEquals(service.health().state, "ready");
});

Deno.test("When a model keeps dying (5 in 30 s): its topic is paused, its state is down, it is retried with growing pauses; health is degraded", async () => {
  const mnist = dyingMnist();
  await using embedded = new EmbeddedBus();
  const options = { models: ["fashion-mnist", "mnist"], workersPerModel: 1, downPauseMs: 200 };
  await using running = await RunningService.start(embedded, options, mnist.start);
  const { bus, service } = running;
  const model = () => service.status()[1]!;
  const waiting = Array.from(
    { length: 3 },
    () => bus.classify(SEVEN.png, { model: "mnist", timeoutMs: 60_000 }),
  );
  const pauses: number[] = [];
  for (let down = 1; down <= 3; down++) {
    await within(running.logged(/^mnist is down: The Worker of mnist ended$/, down), `down ${down} times`);
    pauses.push(Date.parse(model().nextTryAt!) - Date.parse(model().since));
    if (down > 1) continue;
    const deaths = running.log.filter((line) => line.startsWith("mnist is restarting"));
    assertEquals([deaths.length, model().state], [4, "down"]);
    assertEquals(service.health(), {
      state: "degraded",
      reasons: ["mnist is down: The Worker of mnist ended"],
      deadLetters: {},
    });
    waiting.push(bus.classify(SEVEN.png, { model: "mnist", timeoutMs: 60_000 }));
    const other = await bus.classify(imagesOf("fashion-mnist")[0]!.png);
    assertEquals(other.status, "classified");
  }
  // Half of each pause is random: the third is at least as long as the first can be.
  assert(pauses[0]! <= 200 && pauses[2]! >= 400 && pauses[2]! <= 800, pauses.join());
  assertEquals(model().inFlight, 3, "what was sent while it was down is not read");
  mnist.repair();
  assertEquals((await Promise.all(waiting)).map(codeOf), Array.from({ length: 4 }, () => "classified"));
  assertEquals([model().state, service.health().state], ["up", "ready"]);
});

Deno.test("When a sink fails: retried with growing pauses, consumption paused, nothing committed; never a dead letter; health and the log show it", async () => {
  await using embedded = new EmbeddedBus();
  await using running = await RunningService.start(embedded, { ...MNIST, maxInFlight: 16, maxBatch: 4 });
  const { bus, service, sink } = running;
  sink.failures = 4;
  const send = () => Promise.all(Array.from({ length: 100 }, () => bus.send(SEVEN.png, { model: "mnist" })));
  const ids = await send();
  await within(running.logged(/^memory fails/), "the first failure");
  ids.push(...await send());
  await within(running.logged(/^memory fails/, 3), "the third failure");
  assertEquals(service.health(), {
    state: "not ready",
    reasons: ["memory fails: The database is unavailable"],
    deadLetters: {},
  });
  assertEquals([await committed(bus), sink.results], [0, []]);
  const { inFlight } = service.status()[0]!;
  assert(inFlight >= 16 && inFlight < 100, `${inFlight} are in flight`);
  await using results = bus.results({ from: "start" });
  await within(take(results, ids.length), "all results");
  await eventually("all are committed", async () => await committed(bus) === ids.length);
  assertEquals(sink.results.map(({ id }) => id).sort(), ids.sort());
  const pauses = running.log.slice(0, -1).map((line) =>
    Number(/^memory fails, retrying in (\d+) ms: /.exec(line)?.[1])
  );
  const means = [100, 200, 400, 800];
  assertEquals([pauses.length, running.log.at(-1)], [means.length, "memory has recovered"]);
  assert(
    means.every((ms, i) => pauses[i]! >= 0.5 * ms && pauses[i]! <= 1.5 * ms),
    `growing, jittered: ${pauses}`,
  );
  assertEquals([service.health().state, (await lettersOf(bus)).size], ["ready", 0]);
});

Deno.test("When too late (ce_expirytime): not computed; result expired; the asker gets it", async () => {
  await using embedded = new EmbeddedBus();
  await using bus = await embedded.bus();
  const late = await bus.send(SEVEN.png, { model: "mnist", expiresAfterMs: 1 });
  const early = await bus.send(SEVEN.png, { model: "mnist", expiresAfterMs: 600_000 });
  const { start, batches } = counted(startWorker);
  await using running = await RunningService.start(embedded, { ...MNIST, workersPerModel: 1 }, start);
  await using results = bus.results({ from: "start" });
  const byId = new Map((await within(take(results, 2), "both results")).map((result) => [result.id, result]));
  assertEquals([late, early].map((id) => codeOf(byId.get(id))), ["expired", "classified"]);
  const expired = byId.get(late);
  assertStringIncludes(expired?.status === "failed" ? expired.error.message : "", "before it was classified");
  assertEquals([batches, running.log, (await lettersOf(bus)).size], [[1], [], 0]);
});
