import { Canary } from "../../../actors/versions/canary.ts";
import type { Supervisor } from "../../../actors/workers/supervisor.ts";
import { type StartWorker, startWorker } from "../../../actors/workers/worker_handle.ts";
import { wrapWorker } from "../../../testing/harness/wrapped_worker.ts";
import { assert, assertEquals, assertStringIncludes } from "../../../testing/assert.ts";
import { SEVEN } from "../../../testing/images.ts";
import { VersionedService } from "../../fixtures/versioned_service.ts";

function canaryOf(version: string, percent: number, tally = { images: 0, failures: 0 }): Canary {
  const files = { manifest: { name: "mnist", version } };
  return new Canary({ version, percent }, { files, tally, state: "up", version } as unknown as Supervisor);
}

const KEYS = Array.from({ length: 20_000 }, (_, i) => `camera-${i}`);

for (const percent of [0.5, 10, 50, 100]) {
  Deno.test(`canary: its share of the keys is ${percent} %, within a point, and always the same`, () => {
    const taken = KEYS.filter((key) => canaryOf("2.0.0", percent).takes(key));
    assert(Math.abs(100 * taken.length / KEYS.length - percent) < 1, `${taken.length} of ${KEYS.length}`);
    assert(taken.every((key) => canaryOf("2.0.0", percent).takes(key)));
  });
}

Deno.test("canary: another version gets other keys", () => {
  const both = KEYS.filter((key) => canaryOf("2.0.0", 10).takes(key) && canaryOf("2.1.0", 10).takes(key));
  assert(both.length < 0.02 * KEYS.length, `${both.length} of ${KEYS.length}`);
});

Deno.test("canary: it has a fault when it fails on 5 points more of at least 200 images than the served version", () => {
  const stable = canaryOf("1.0.0", 100, { images: 1_000, failures: 20 }).supervisor;
  const fault = (images: number, failures: number) =>
    canaryOf("2.0.0", 10, { images, failures }).fault(stable);
  assertEquals(fault(199, 199), null);
  assertEquals(fault(200, 14), null);
  assertEquals(fault(200, 15), "it fails on 7.5 % of 200 images, and 1.0.0 on 2.0 %");
});

/** Workers of version 2.0.0 report each image as a failure, when they are asked to. */
function failing(fails: () => boolean): StartWorker {
  return async (files, options) => {
    const worker = await startWorker(files, options);
    if (files.manifest.version !== "2.0.0") return worker;
    return wrapWorker(worker, async (images) => {
      const done = await worker.run(images);
      if (!fails()) return done;
      return { ...done, outcomes: images.map(() => ({ ok: false, code: "damaged", message: "It fails" })) };
    });
  };
}

Deno.test("canary: images go to the version that their key belongs to; one that fails more is stopped", async () => {
  let fails = false;
  await using service = await VersionedService.start(failing(() => fails));
  const { bus } = service.running;
  const share = { serve: "1.0.0", canary: { version: "2.0.0", percent: 40 } };
  assertEquals((await service.exchange(share)).change, "canary");
  const canary = new Canary(share.canary, {
    files: { manifest: { name: "tiny", version: "2.0.0" } },
  } as unknown as Supervisor);
  const keys = KEYS.slice(0, 100);
  const classify = (key: string) => bus.classify(SEVEN.png, { model: "tiny", key });
  const results = await Promise.all(keys.map(classify));
  assertEquals(
    results.map(({ modelVersion }) => modelVersion),
    keys.map((key) => canary.takes(key) ? "2.0.0" : "1.0.0"),
  );
  const [model] = service.running.service.status();
  assertEquals(model!.candidates.map(({ role, version, percent }) => [role, version, percent]), [
    ["canary", "2.0.0", 40],
  ]);
  fails = true;
  const before = service.events;
  for (let sent = 100; service.events === before && sent < 1_000; sent += 100) {
    await Promise.all(KEYS.slice(sent, sent + 100).map(classify));
  }
  const { change, reason } = await service.event(before);
  assertEquals(change, "canary_stopped");
  assertStringIncludes(reason, "and 1.0.0 on 0.0 %");
  const after = await Promise.all(keys.map(classify));
  assertEquals(new Set(after.map(({ modelVersion }) => modelVersion)), new Set(["1.0.0"]));
  assertEquals(service.running.service.status()[0]!.candidates, []);
});

Deno.test("versions: a request that asks for a version gets it, or fails where it is not loaded", async () => {
  await using service = await VersionedService.start(startWorker);
  await service.exchange({ serve: "1.0.0", canary: { version: "2.0.0", percent: 0.001 } });
  const { bus } = service.running;
  const classify = (modelVersion: string) => bus.classify(SEVEN.png, { model: "tiny", modelVersion });
  assertEquals((await classify("2.0.0")).modelVersion, "2.0.0");
  const refused = await classify("4.0.0");
  assertEquals(refused.status === "failed" && refused.error, {
    code: "unknown_version",
    message: 'Version "4.0.0" of tiny is not loaded; there is 1.0.0, 2.0.0',
  });
});
