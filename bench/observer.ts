/**
 * `deno task bench:observer`: what counting costs per image, without anything that it counts.
 *
 * @module
 */
import process from "node:process";
import { ServiceMetrics } from "../actors/metrics/service_metrics.ts";
import type { Settled } from "../actors/sinks/sink.ts";
import { runTask } from "../cli/task.ts";
import { print } from "../cli/ui/terminal.ts";
import { median } from "../lib/median.ts";
import { count } from "../lib/options.ts";
import { classified, failed } from "../testing/settled.ts";

const ROUNDS = 15;
const BATCH = 64;
const FAILED_PERCENT = 2;

/** Results of ten classes, with confidences and times that fall into different buckets; some are failures. */
function results(): Settled[] {
  const now = Date.now();
  return Array.from({ length: BATCH * 16 }, (_, i) => {
    if (i % 100 < FAILED_PERCENT) return failed(String(i));
    const { result, message, ...others } = classified(String(i));
    const index = i % 10;
    return {
      ...others,
      message: { ...message, timestamp: now - i },
      result: { ...result, index, label: String(index), confidence: (i % 97) / 97, waitedMs: i },
    };
  });
}

/** @returns Microseconds of CPU time per image: what else the machine does has little part in it. */
function measure(metrics: ServiceMetrics, batches: readonly Settled[][], images: number): number {
  const { work } = metrics;
  const begun = process.cpuUsage();
  for (let done = 0, at = 0; done < images; done += BATCH) {
    const batch = batches[at++ % batches.length]!;
    work.batch({
      model: "fashion-mnist",
      version: "1.0.0",
      images: [],
      startedAt: 0,
      tookMs: at % 50,
      error: null,
    });
    for (let sink = 0; sink < 3; sink++) {
      work.sinkWrite({ sink: "sqlite results.db", results: BATCH, tookMs: 2, failed: false });
    }
    work.stored(batch);
  }
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / images;
}

await runTask({
  name: "bench:observer",
  summary: "Measure what the metrics cost per image",
  operands: { form: "", min: 0, max: 0 },
  options: { images: { ...count(100_000_000), default: 1_000_000, text: "images per round" } },
  examples: [["deno task bench:observer", `the median of ${ROUNDS} rounds`]],
  run({ values: { images } }) {
    using metrics = new ServiceMetrics("bench");
    metrics.work.serving([{ model: "fashion-mnist", version: "1.0.0" }]);
    const all = results();
    const batches = Array.from({ length: 16 }, (_, i) => all.slice(i * BATCH, (i + 1) * BATCH));
    measure(metrics, batches, images);
    const times = Array.from({ length: ROUNDS }, () => measure(metrics, batches, images));
    const begun = performance.now();
    const { length } = metrics.text();
    const scrape = (performance.now() - begun).toFixed(1);
    print(
      `counting: ${
        median(times).toFixed(3)
      } µs of CPU time per image, median of ${ROUNDS} rounds in batches of ${BATCH}`,
    );
    print(`one scrape: ${length} characters in ${scrape} ms`);
    return Promise.resolve(0);
  },
});
