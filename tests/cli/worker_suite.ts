import { crc32 } from "node:zlib";
import { DatabaseSync } from "node:sqlite";
import type { BusStatus } from "../../cli/commands/status/bus.ts";
import type { WorkerReport } from "../../cli/worker_report.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { BAD_IMAGES } from "../../testing/bad_images.ts";
import { testOn, type WorkerBus } from "../fixtures/worker_bus.ts";
import { WorkerStage } from "../fixtures/worker_stage.ts";
import { SEVEN } from "../../testing/images.ts";
import { imagebus, objectsIn } from "../fixtures/imagebus.ts";

const COUNT = 3_000;

const CASES: Readonly<Record<string, (stage: WorkerStage) => Promise<void>>> = {
  async "the other one finishes all images when one of two is killed under load"(stage) {
    const [first] = [await stage.worker("--quiet"), await stage.worker("--quiet")];
    const ids = await stage.send(COUNT);
    await stage.stored(ids, COUNT * 0.25);
    await first.kill();
    await stage.stored(ids);
    assertEquals(stage.rows(ids).sort(), [...ids].sort());
  },

  async "exactly one result per image on the topic with exactly-once delivery, when killed twice under load"(
    stage,
  ) {
    const args = ["--quiet", "--delivery", "exactly-once"];
    let worker = await stage.worker(...args);
    const ids = await stage.send(COUNT);
    for (const share of [0.25, 0.5]) {
      await stage.answered(ids, COUNT * share);
      await worker.kill();
      worker = await stage.worker(...args);
    }
    await stage.answered(ids);
    worker.signal("SIGTERM");
    assertEquals(await worker.ended(), 0);
    assertEquals((await stage.results(ids)).sort(), [...ids].sort());
    assertEquals(stage.rows(ids).sort(), [...ids].sort());
  },

  async "legacy records give the legacy line, and a row with the true label"(stage) {
    const jpegs = Deno.readTextFileSync(new URL("../fixtures/legacy_records.jsonl", import.meta.url)).trim()
      .split("\n");
    const records = jpegs.map((line) => JSON.parse(line) as { topic: string; key: string; value: string });
    const worker = await stage.worker("--legacy-topics", "create");
    for (const { topic, key, value } of records) {
      await stage.bus.transport.send(topic, [{ key, value: new TextEncoder().encode(value) }]);
    }
    const seen = () => worker.output.filter((line) => /^Prediction: \d Actual: \d$/.test(line));
    using database = new DatabaseSync(`${stage.directory}/results.db`, { timeout: 5_000 });
    const actual = () =>
      database.prepare("SELECT actual FROM results").all().map(({ actual }) => String(actual)).sort();
    const deadline = performance.now() + 30_000;
    while (Math.min(seen().length, actual().length) < records.length && performance.now() < deadline) {
      await new Promise((r) => setTimeout(r, 20));
    }
    const right = seen().filter((line) => /Prediction: (\d) Actual: \1/.test(line));
    assertEquals(seen().length, records.length);
    assert(right.length >= records.length * 0.8, `${right.length} of ${records.length} are right`);
    assertEquals(actual(), records.map(({ key }) => key).sort());
  },

  async "images around bad ones and one of 15.7 MB are classified"(stage) {
    await stage.worker("--quiet");
    const large = largePng(15_728_640);
    assertEquals(large.length, 15_728_640);
    const images = [...BAD_IMAGES.flatMap(([, bytes]) => [bytes, SEVEN.png]), large, SEVEN.png];
    const results = await Promise.all(
      images.map((image) => stage.bus.classify(image, { model: "mnist", timeoutMs: 60_000 })),
    );
    const codes = results.map((result) => result.status === "failed" ? result.error.code : "");
    assertEquals(codes, [...BAD_IMAGES.flatMap(([, , code]) => [code, ""]), "", ""]);
  },

  async "status in another terminal shows its models, its Workers and the lag of its group"(stage) {
    const worker = await stage.worker("--quiet", "--models", "mnist");
    const before = await pollStatus(stage, ([, bus]) => bus?.["type"] === "bus");
    const { deadLetters } = before.objects[1] as unknown as BusStatus;
    const images = [SEVEN.png, BAD_IMAGES[0]![1], SEVEN.png];
    await Promise.all(
      images.map((image) => stage.bus.classify(image, { model: "mnist", timeoutMs: 60_000 })),
    );
    const seen = await pollStatus(stage, ([worker, bus]) => {
      const [model] = (worker as unknown as WorkerReport).models;
      return model?.workers[0]?.images === 3 && model.inFlight === 0 && bus?.["lag"] === 0;
    });
    assertEquals(seen.code, 0);
    const [report, bus] = seen.objects as unknown as [WorkerReport, BusStatus];
    const { memoryBytes, ...working } = report.models[0]!.workers[0]!;
    assert(report.memoryBytes > 2 ** 25 && memoryBytes! >= 2 ** 24);
    assertEquals(report.models[0]!.state, "up");
    assertEquals(report.health, { state: "ready", reasons: [], deadLetters: { not_an_image: 1 } });
    const done = { images: 3, failures: 1, inFlight: 0, restarts: 0, replacements: 0 };
    assertEquals(working, { state: "idle", ...done });
    assertEquals([report.group, bus.group, bus.url], [stage.group, stage.group, report.bus]);
    assertEquals(bus.deadLetters, deadLetters + 1);
    const mnist = bus.topics.find(({ topic }) => topic === "imagebus.mnist");
    assertEquals(mnist?.partitions.map(({ lag }) => lag), mnist?.partitions.map(() => 0));
    worker.signal("SIGTERM");
    await worker.ended();
    const after = await pollStatus(stage, ([first]) => first?.["type"] === "bus");
    assertEquals(after.code, 1);
  },
};

/** Polls `imagebus status` until it shows something. */
async function pollStatus(
  stage: WorkerStage,
  until: (objects: readonly Record<string, unknown>[]) => boolean,
) {
  const environment = { IMAGEBUS_STATE_DIR: stage.directory, IMAGEBUS_URL: "" };
  const deadline = performance.now() + 30_000;
  for (;;) {
    const { code, out, err } = await imagebus(["status", "--json"], environment);
    const objects = objectsIn(out);
    if (until(objects)) return { code, objects };
    if (performance.now() > deadline) throw new Error(`After 30 s the status is ${out}${err}`);
  }
}

/** A PNG of this size: a private chunk fills it up, as metadata does in photographs. */
function largePng(bytes: number): Uint8Array<ArrayBuffer> {
  const large = new Uint8Array(bytes);
  const end = SEVEN.png.length - 12;
  const filling = bytes - SEVEN.png.length - 12;
  large.set(SEVEN.png.subarray(0, end));
  new DataView(large.buffer).setUint32(end, filling);
  large.set(new TextEncoder().encode("prIv"), end + 4);
  new DataView(large.buffer).setUint32(end + 8 + filling, crc32(large.subarray(end + 4, end + 8 + filling)));
  large.set(SEVEN.png.subarray(end), end + 12 + filling);
  return large;
}

/**
 * Registers the cases of worker processes.
 *
 * @param kind The bus.
 */
export function testWorker(kind: WorkerBus): void {
  for (const [name, run] of Object.entries(CASES)) {
    testOn(`worker: ${name}`, kind, async () => {
      await using stage = await WorkerStage.set(kind);
      await run(stage);
    });
  }
}
