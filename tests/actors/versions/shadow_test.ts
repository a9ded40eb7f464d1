import { Shadow } from "../../../actors/versions/shadow.ts";
import type { Job } from "../../../actors/workers/job.ts";
import type { Supervisor } from "../../../actors/workers/supervisor.ts";
import { type StartWorker, startWorker } from "../../../actors/workers/worker_handle.ts";
import type { Comparison } from "../../../bus/comparison.ts";
import { COMPARISONS_TOPIC, DEAD_LETTERS_TOPIC } from "../../../bus/topics.ts";
import type { Outcome } from "../../../models/classifier.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";
import { wrapWorker } from "../../../testing/harness/wrapped_worker.ts";
import { SEVEN } from "../../../testing/images.ts";
import { committed } from "../../fixtures/running_service.ts";
import { VersionedService } from "../../fixtures/versioned_service.ts";

/** Version 2.0.0 fails on each image, 4.0.0 never answers. */
const startBad: StartWorker = async (files, options) => {
  const worker = await startWorker(files, options);
  switch (files.manifest.version) {
    case "2.0.0":
      return wrapWorker(worker, async (images) => ({
        ...await worker.run(images),
        outcomes: images.map(() => ({ ok: false, code: "damaged", message: "It fails" })),
      }));
    case "4.0.0":
      return wrapWorker(worker, () => worker.gone.then((error) => Promise.reject(error)));
    default:
      return worker;
  }
};

async function comparisonsOf({ running }: VersionedService, count: number): Promise<Comparison[]> {
  const found: Comparison[] = [];
  const { transport } = running.bus;
  await transport.ensureTopics([COMPARISONS_TOPIC]);
  await using subscription = await transport.subscribe([COMPARISONS_TOPIC], { from: "start" });
  for await (const { messages } of subscription) {
    found.push(...messages.map(({ value }) => JSON.parse(new TextDecoder().decode(value))));
    if (found.length >= count) break;
  }
  return found;
}

Deno.test("shadow: its answers are compared with the results; what it fails on does not become a dead letter, and nothing is committed for it", async () => {
  await using service = await VersionedService.start(startBad);
  await service.exchange({ serve: "1.0.0", shadow: "2.0.0" });
  const { bus, sink } = service.running;
  const classify = (i: number) => bus.classify(SEVEN.png, { model: "tiny", id: `${i}`, actual: "light" });
  await Promise.all(Array.from({ length: 20 }, (_, i) => classify(i)));
  const comparisons = await comparisonsOf(service, 20);
  assertEquals(new Set(comparisons.map(({ id }) => id)).size, 20);
  const [{ served, other, actual, model }] = comparisons as [Comparison];
  assertEquals([model, actual, served.version, served.label, other], [
    "tiny",
    "light",
    "1.0.0",
    sink.results[0]?.status === "classified" ? sink.results[0].label : null,
    { version: "2.0.0", label: null, confidence: null },
  ]);
  await service.running.service.close();
  assertEquals([sink.results.length, await committed(bus)], [20, 20]);
  const [letters] = await bus.transport.topics(undefined, [DEAD_LETTERS_TOPIC]);
  assertEquals(letters!.partitions.every(({ end }) => end === 0), true);
});

Deno.test("shadow: one that never answers delays nothing; copies beyond its bound are dropped", async () => {
  await using service = await VersionedService.start(startBad);
  await service.exchange({ serve: "1.0.0", shadow: "4.0.0" });
  const { bus, sink } = service.running;
  await Promise.all(Array.from({ length: 300 }, () => bus.classify(SEVEN.png, { model: "tiny" })));
  assertEquals(new Set(sink.results.map(({ modelVersion }) => modelVersion)), new Set(["1.0.0"]));
  const [model] = service.running.service.status();
  assertEquals(model!.candidates.map(({ role, version, dropped }) => [role, version, dropped]), [
    ["shadow", "4.0.0", 44],
  ]);
  // Retiring it waits for its batch, which does not end; closing does not wait for that.
  assertEquals(await service.running.service.close(), 0);
});

/** A shadow whose Workers only note what they get. */
function noting(): { shadow: Shadow; given: Job[]; next: () => Promise<void> } {
  const given: Job[] = [];
  let notify = () => {};
  const supervisor = {
    version: "2.0.0",
    files: { manifest: { name: "tiny", version: "2.0.0" } },
    submit(job: Job): void {
      given.push(job);
      notify();
    },
  };
  const shadow = new Shadow(supervisor as unknown as Supervisor, () => {});
  return { shadow, given, next: () => new Promise((resolve) => notify = resolve) };
}

function settled(shadow: Shadow, id: string): void {
  const image = new Uint8Array(1);
  const job = shadow.copying({ id, image, bytes: 1, stickyKey: id, settle: () => {} });
  const outcome: Outcome = { ok: true, top: [{ index: 0, label: "light", confidence: 1 }] };
  job.settle(outcome, { version: "1.0.0", startedAt: Date.now(), tookMs: 1 });
}

Deno.test("shadow: copies wait until the served version pauses, and under steady load until a batch of them is there", async () => {
  const { shadow, given, next } = noting();
  const first = next();
  const begun = performance.now();
  settled(shadow, "0");
  assertEquals(given.length, 0);
  await first;
  assert(performance.now() - begun >= 7, "The copy did not wait for a pause");
  for (let i = 1; i <= 64; i++) settled(shadow, `${i}`);
  assertEquals(given.map(({ id }) => id), Array.from({ length: 65 }, (_, i) => `${i}`));
});

Deno.test("shadow: one that is stopped gives nothing more, and holds no timer", () => {
  const { shadow, given } = noting();
  settled(shadow, "before");
  shadow.stop();
  settled(shadow, "after");
  assertEquals(given, []);
});
