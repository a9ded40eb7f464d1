import type { StatusJson } from "../../../cli/http/worker_state.ts";
import { sleep } from "../../../lib/sleep.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";
import { BAD_IMAGES } from "../../../testing/bad_images.ts";
import { parseMetrics, type ScrapedFamily, sumOf } from "../../../testing/prometheus.ts";
import { testOn, type WorkerBus } from "../../fixtures/worker_bus.ts";
import { WorkerStage } from "../../fixtures/worker_stage.ts";

/** By hand, 10,000: `IMAGEBUS_TEST_IMAGES=10000 deno task test tests/cli/http/worker_http_test.ts`. */
const COUNT = Number(Deno.env.get("IMAGEBUS_TEST_IMAGES") ?? 300);
const BAD = Array.from({ length: Math.ceil(COUNT / 100) }, () => BAD_IMAGES).flat();

async function get(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

/** Scrapes until a condition holds: the gauges of the lag are up to 5 s old. */
async function scrapeUntil(
  url: string,
  holds: (families: Map<string, ScrapedFamily>) => boolean,
): Promise<Map<string, ScrapedFamily>> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const families = parseMetrics((await get(`${url}/metrics`)).text);
    if (holds(families)) return families;
    if (performance.now() > deadline) {
      throw new Error(
        `The metrics did not get there within 30 s:\n${
          JSON.stringify([...families].map(([name, { samples }]) => [name, ...samples]))
        }`,
      );
    }
    await sleep(50);
  }
}

/** Registers the test on a bus. */
export function testWorkerHttp(bus: WorkerBus): void {
  testOn("worker --http: its metrics agree with what the databases hold", bus, async () => {
    await using stage = await WorkerStage.set(bus);
    const worker = await stage.worker("--quiet", "--http", "127.0.0.1:0", "--models", "mnist,fashion-mnist");
    const url = worker.log.find((line) => line.startsWith("http "))!.split(/ +/)[1]!;
    assertEquals(await get(`${url}/livez`), { status: 200, text: "alive\n" });
    assertEquals(await get(`${url}/readyz`), { status: 200, text: "ready\n" });
    const ids = [
      ...await stage.send(COUNT),
      ...await Promise.all(BAD.map(([, image]) => stage.bus.send(image, { model: "mnist" }))),
    ];
    await stage.stored(ids);
    const families = await scrapeUntil(
      url,
      (families) =>
        sumOf(families, "imagebus_images_total") >= ids.length &&
        sumOf(families, "imagebus_in_flight_images") === 0 &&
        sumOf(families, "imagebus_claims") >= 8 &&
        families.get("imagebus_lag_messages")!.samples.size === sumOf(families, "imagebus_claims") &&
        sumOf(families, "imagebus_lag_messages") === 0,
    );
    assertEquals(sumOf(families, "imagebus_images_total"), ids.length);
    assertEquals(sumOf(families, "imagebus_images_total", 'status="classified"'), COUNT);
    assertEquals(sumOf(families, "imagebus_failures_total"), BAD.length);
    assertEquals(sumOf(families, "imagebus_judged_total"), COUNT);
    assertEquals(sumOf(families, "imagebus_predictions_total"), COUNT);
    assertEquals(sumOf(families, "imagebus_end_to_end_duration_seconds_count"), ids.length);
    assert(sumOf(families, "imagebus_sink_write_duration_seconds_count", 'sink="sqlite"') >= 1);
    const status: StatusJson = JSON.parse((await get(`${url}/status.json`)).text);
    assertEquals([status.phase, status.readiness.state, status.group], ["serving", "ready", stage.group]);
    const images = status.metrics.find(({ name }) => name === "imagebus_images_total")!.samples;
    assertEquals(images.reduce((sum, one) => sum + ("value" in one ? one.value : 0), 0), ids.length);
    const page = await fetch(`${url}/api/events`);
    worker.signal("SIGTERM");
    assertEquals(await worker.ended(), 0);
    await page.body?.cancel().catch(() => {});
  });
}
