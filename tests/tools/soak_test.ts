import { judgeGrowth, type Sample } from "../../tools/soak/growth.ts";
import { drawMemory } from "../../tools/soak/plot.ts";
import { sparkline, summary } from "../../tools/soak/report.ts";
import { runSoak, type SoakOptions, type SoakReport } from "../../tools/soak/run.ts";
import { assert, assertEquals, assertMatch } from "../../testing/assert.ts";
import { writeTinyModel } from "../../testing/tiny_model.ts";

const MIB = 2 ** 20;

/** A sample for each hundredth of 6,000 images. */
function samplesOf(megabytes: (images: number) => number): Sample[] {
  return Array.from({ length: 101 }, (_, i) => {
    const images = 60 * i;
    return { atMs: 1_000 * i, images, rssBytes: Math.round(megabytes(images) * MIB) };
  });
}

function grownBy(samples: readonly Sample[]): number {
  return judgeGrowth(samples, 6_000)!.growthBytes / MIB;
}

Deno.test("soak: growth is measured from the second sixth to the last", () => {
  const warming = samplesOf((images) => images < 1_000 ? 100 + images / 10 : 200);
  assertEquals(grownBy(warming), 0);
  assert(Math.abs(grownBy(samplesOf((images) => 100 + images * 0.01)) - 40) < 1);
});

Deno.test("soak: garbage neither counts as growth nor hides it", () => {
  const waves = (images: number) => 30 * Math.abs(Math.sin(images));
  assert(Math.abs(grownBy(samplesOf((images) => 100 + waves(images)))) < 10);
  assert(grownBy(samplesOf((images) => 100 + images * 0.02 + waves(images))) > 60);
  const peaks = samplesOf((images) => images === 1_020 || images === 6_000 ? 500 : 100);
  assertEquals([grownBy(peaks), judgeGrowth(peaks, 6_000)!.largestBytes], [0, 500 * MIB]);
});

Deno.test("soak: growth is unknown with too few samples", () => {
  const few = samplesOf(() => 100).filter((_, i) => i % 30 === 0);
  assertEquals(judgeGrowth(few, 6_000), null);
  assertEquals(judgeGrowth([], 6_000), null);
});

Deno.test("soak: memory is drawn as a sparkline and as SVG", () => {
  assertEquals(sparkline(samplesOf((images) => images).slice(0, 8), 8), "▁▂▃▄▅▆▇█");
  assertEquals(sparkline(samplesOf(() => 100), 5), "▁▁▁▁▁");
  assertEquals([...sparkline(samplesOf((images) => images), 60)].length, 60);
  const svg = drawMemory(samplesOf((images) => 100 + images / 100), "a < b");
  assertMatch(svg, /^<svg [^]*a &lt; b[^]*<path [^>]*d="M60,[^]*<\/svg>$/);
});

/** So short a run ends before memory has settled. The leak is more than four times as much. */
const MAX_GROWTH_MB = 60;

async function soak(options: Partial<SoakOptions>): Promise<SoakReport> {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-soak-test-" });
  try {
    await writeTinyModel(`${directory}/models`);
    return await runSoak({
      bus: "sqlite",
      messages: 20_000,
      models: ["tiny"],
      modelsDirs: [`${directory}/models`],
      leak: false,
      maxWorkerMemoryMb: 1_024,
      maxGrowthMb: MAX_GROWTH_MB,
      sampleMs: 5,
      directory,
      ...options,
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("soak: a worker process without a leak passes", async () => {
  const report = await soak({});
  assert(report.passed, summary(report));
  assertEquals([report.failed, report.models[0]!.workers[0]!.replacements], [0, 0]);
});

Deno.test("soak: the negative control, a leaking model, fails", async () => {
  const report = await soak({ leak: true });
  assert(!report.passed && report.growth!.growthBytes > MAX_GROWTH_MB * MIB, summary(report));
});

Deno.test("soak: a leaking model is replaced between batches at its memory limit, and the run passes", async () => {
  const report = await soak({ leak: true, maxWorkerMemoryMb: 80 });
  assert(report.passed, summary(report));
  const workers = report.models.flatMap(({ workers }) => workers);
  const sum = (of: (worker: typeof workers[number]) => number) =>
    workers.reduce((sum, one) => sum + of(one), 0);
  assert(sum(({ replacements }) => replacements) >= 3, JSON.stringify(workers));
  assertEquals([sum(({ restarts }) => restarts), sum(({ failures }) => failures)], [0, 0]);
});
