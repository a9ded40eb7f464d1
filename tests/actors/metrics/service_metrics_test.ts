import { ServiceMetrics } from "../../../actors/metrics/service_metrics.ts";
import type { ServiceState } from "../../../actors/metrics/state_metrics.ts";
import type { ServiceEvent } from "../../../actors/events.ts";
import type { Settled } from "../../../actors/sinks/sink.ts";
import { encodeRequest } from "../../../bus/envelope.ts";
import { createMemoryBroker } from "../../../bus/transport/memory.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";
import { BAD_IMAGES } from "../../../testing/bad_images.ts";
import { imagesOf, SEVEN } from "../../../testing/images.ts";
import { parseMetrics, promtool, type ScrapedFamily, sumOf } from "../../../testing/prometheus.ts";
import { classified, failed } from "../../../testing/settled.ts";
import { RunningService, take } from "../../fixtures/running_service.ts";

function scrape(metrics: ServiceMetrics): Map<string, ScrapedFamily> {
  return parseMetrics(metrics.text());
}

const EXPIRED = { id: "late", key: null, model: "mnist", image: SEVEN.png, expiresAt: 1 };

Deno.test("service metrics: their numbers are those of the results, the failures and the batches", async () => {
  using metrics = new ServiceMetrics("0.0.0-test");
  const options = { models: ["mnist"], maxBatch: 16, observer: metrics.work };
  await using running = await RunningService.start(createMemoryBroker(), options);
  running.sink.failures = 2;
  await using results = running.bus.results();
  await results.ready;
  const digits = imagesOf("mnist");
  const sent = [
    ...Array.from({ length: 200 }, (_, i) => digits[i % 10]!).map(({ png, index }) =>
      running.bus.send(png, { model: "mnist", actual: String(index) })
    ),
    ...BAD_IMAGES.map(([, bytes]) => running.bus.send(bytes, { model: "mnist" })),
    running.bus.transport.send("imagebus.mnist", [encodeRequest(EXPIRED, "image/png")]),
  ];
  await Promise.all(sent);
  const answers = await take(results, sent.length);
  await running.service.close();
  const counts = scrape(metrics);
  const ok = answers.filter((result) => result.status === "classified");
  assertEquals(sumOf(counts, "imagebus_images_total"), sent.length);
  assertEquals(sumOf(counts, "imagebus_images_total", 'status="classified"'), ok.length);
  const codes = answers.flatMap((result) => result.status === "failed" ? [result.error.code] : []);
  for (const code of new Set(codes)) {
    const expected = codes.filter((one) => one === code).length;
    assertEquals(sumOf(counts, "imagebus_failures_total", `code="${code}"`), expected, code);
  }
  for (const { index } of digits) {
    const predicted = ok.filter(({ label }) => label === String(index)).length;
    assertEquals(sumOf(counts, "imagebus_predictions_total", `label="${index}"`), predicted);
  }
  assertEquals(sumOf(counts, "imagebus_judged_total"), 200);
  assertEquals(sumOf(counts, "imagebus_correct_total"), ok.filter((one) => one.label === one.actual).length);
  for (const name of ["queue_duration_seconds", "end_to_end_duration_seconds"]) {
    assertEquals(sumOf(counts, `imagebus_${name}_count`), sent.length, name);
  }
  assertEquals(sumOf(counts, "imagebus_confidence_ratio_count"), ok.length);
  // The expired one never reaches a Worker.
  assertEquals(sumOf(counts, "imagebus_batch_images_sum"), sent.length - 1);
  assertEquals(sumOf(counts, "imagebus_sink_failures_total", 'sink="memory"'), 2);
  assert(sumOf(counts, "imagebus_commit_duration_seconds_count") >= 1, "no commit was counted");
});

Deno.test("service metrics: names of models that are not served share one series", () => {
  using metrics = new ServiceMetrics("0.0.0-test");
  metrics.work.serving([{ model: "fashion-mnist", version: "1.0.0" }]);
  const unknown = (model: string): Settled => {
    const one = failed("a", "unknown_model");
    return { ...one, result: { ...one.result, model } };
  };
  metrics.work.stored([
    classified("a"),
    unknown("x"),
    unknown("y"),
    unknown("fashion-mnist"),
    classified("b"),
  ]);
  const counts = scrape(metrics);
  assertEquals(Object.fromEntries(counts.get("imagebus_images_total")!.samples), {
    'imagebus_images_total{model="other",version="",status="failed"}': 2,
    'imagebus_images_total{model="fashion-mnist",version="",status="failed"}': 1,
    'imagebus_images_total{model="fashion-mnist",version="1.0.0",status="classified"}': 2,
  });
});

Deno.test("service metrics: of many labels the first hundred have a series of their own", () => {
  using metrics = new ServiceMetrics("0.0.0-test");
  const { result, ...others } = classified("a");
  metrics.work.serving([result].map(({ model, modelVersion: version }) => ({ model, version })));
  metrics.work.stored(
    Array.from({ length: 150 }, (_, index) => ({
      ...others,
      result: { ...result, index, label: `label ${index}` },
    })),
  );
  const counts = scrape(metrics);
  assertEquals(counts.get("imagebus_predictions_total")?.samples.size, 101);
  assertEquals(sumOf(counts, "imagebus_predictions_total", 'label="other"'), 50);
});

Deno.test("service metrics: restarts and replacements of Workers are counted by model", () => {
  using metrics = new ServiceMetrics("0.0.0-test");
  const reason = "it died";
  const events: ServiceEvent[] = [
    { type: "model", model: "mnist", state: "restarting", reason },
    { type: "model", model: "mnist", state: "up", reason },
    { type: "model", model: "mnist", state: "down", reason },
    { type: "worker_replaced", model: "mnist", reason },
  ];
  for (const event of events) metrics.work.note(event);
  const counts = scrape(metrics);
  assertEquals(sumOf(counts, "imagebus_worker_restarts_total", 'model="mnist"'), 2);
  assertEquals(sumOf(counts, "imagebus_worker_replacements_total", 'model="mnist"'), 1);
});

Deno.test("service metrics: counters of what an alert reports once are 0 before the first time", () => {
  using metrics = new ServiceMetrics("0.0.0-test");
  metrics.work.serving([{ model: "mnist", version: "1.0.0" }]);
  const counts = scrape(metrics);
  assertEquals(
    counts.get("imagebus_version_changes_total")?.samples.get(
      'imagebus_version_changes_total{model="mnist",change="refused"}',
    ),
    0,
  );
  assertEquals(counts.get("imagebus_version_changes_total")?.samples.size, 5);
  assertEquals(counts.get("imagebus_commit_failures_total")?.samples.size, 1);
});

const STATE: ServiceState = {
  group: "imagebus",
  health: { state: "degraded", reasons: ["cifar-10 is down"], deadLetters: {} },
  models: [{
    model: "mnist",
    version: "2.0.0",
    state: "up",
    since: "2026-01-01T00:00:00.000Z",
    reason: "ready",
    nextTryAt: null,
    candidates: [],
    refused: [],
    drift: { state: "unknown", label: null, confidence: null, image: null },
    inFlight: 12,
    inFlightBytes: 9_000,
    oldestAt: new Date(Date.now() - 60_000).toISOString(),
    workers: ["idle", "busy", "busy"].map((state) => ({
      state: state as "idle" | "busy",
      restarts: 0,
      replacements: 0,
      images: 0,
      failures: 0,
      inFlight: 0,
      memoryBytes: 2 ** 24,
    })),
  }],
  connected: true,
  lags: [{ topic: "imagebus.mnist", partition: 2, lag: 7 }],
  claims: new Map([["imagebus.mnist", 1]]),
};

Deno.test("service metrics: gauges are those of the last state, and a partition that was lost is gone", () => {
  using metrics = new ServiceMetrics("0.0.0-test");
  metrics.set(STATE);
  const counts = scrape(metrics);
  assertEquals(sumOf(counts, "imagebus_health", 'state="degraded"'), 1);
  assertEquals(sumOf(counts, "imagebus_health"), 1);
  assertEquals(sumOf(counts, "imagebus_workers", 'model="mnist"', 'state="busy"'), 2);
  assertEquals(sumOf(counts, "imagebus_in_flight_bytes"), 9_000);
  assertEquals(sumOf(counts, "imagebus_lag_messages", 'partition="2"', 'group="imagebus"'), 7);
  const oldest = sumOf(counts, "imagebus_oldest_unfinished_seconds");
  assert(oldest >= 60 && oldest < 90, `the oldest is ${oldest} s old`);
  metrics.set({ ...STATE, lags: [], claims: new Map() });
  assertEquals(scrape(metrics).get("imagebus_lag_messages")?.samples.size, 0);
});

const installed = await promtool(["--version"]) !== null;

Deno.test({
  name: `service metrics: promtool finds no fault${installed ? "" : ": needs promtool"}`,
  ignore: !installed,
  async fn() {
    using metrics = new ServiceMetrics("0.0.0-test");
    metrics.work.serving(STATE.models);
    metrics.work.stored([classified("a"), failed("b")]);
    metrics.work.sinkWrite({ sink: "sqlite results.db", results: 2, tookMs: 3, failed: false });
    metrics.set(STATE);
    assertEquals(await promtool(["check", "metrics"], metrics.text()), { code: 0, output: "" });
  },
});
