import { Histogram, MAX_SERIES, MetricRegistry } from "../../lib/metrics.ts";
import { metricsText } from "../../lib/metrics_text.ts";
import { assert, assertEquals, assertThrows } from "../../testing/assert.ts";
import { parseMetrics, promtool } from "../../testing/prometheus.ts";

function example(): MetricRegistry {
  const registry = new MetricRegistry();
  const images = registry.counter("images_total", "Images \\ by model,\nall of them.", ["model", "status"]);
  images.of("mnist", "classified").value += 7;
  images.of('a"b\\c\nd', "failed").value++;
  registry.gauge("lag_messages", "Without labels.").of().value = -2.5;
  const took = registry.histogram("took_seconds", "How long it took.", ["model"], [0.1, 1]);
  for (const seconds of [0.1, 0.5, 0.25, 7]) took.of("mnist").observe(seconds);
  registry.counter("unused_total", "Without a series.", ["model"]);
  return registry;
}

const EXPECTED = String.raw`# HELP images_total Images \\ by model,\nall of them.
# TYPE images_total counter
images_total{model="mnist",status="classified"} 7
images_total{model="a\"b\\c\nd",status="failed"} 1
# HELP lag_messages Without labels.
# TYPE lag_messages gauge
lag_messages -2.5
# HELP took_seconds How long it took.
# TYPE took_seconds histogram
took_seconds_bucket{model="mnist",le="0.1"} 1
took_seconds_bucket{model="mnist",le="1"} 3
took_seconds_bucket{model="mnist",le="+Inf"} 4
took_seconds_sum{model="mnist"} 7.85
took_seconds_count{model="mnist"} 4
# HELP unused_total Without a series.
# TYPE unused_total counter
`;

Deno.test("metrics: the text has a description per family, escaped labels, and cumulative buckets", () => {
  const text = metricsText(example());
  assertEquals(text, EXPECTED);
  assertEquals(parseMetrics(text).get("took_seconds")?.samples.size, 5);
});

const checked = await promtool(["check", "metrics"], EXPECTED);

Deno.test({
  name: `metrics: promtool accepts the text${
    checked ? "" : ": needs promtool, of Debian's package prometheus"
  }`,
  ignore: checked === null,
  async fn() {
    assertEquals(checked, { code: 0, output: "" });
    const refused = await promtool(["check", "metrics"], EXPECTED.replaceAll("took_seconds", "took_ms"));
    assert(refused!.code !== 0, "a name in milliseconds passed");
  },
});

Deno.test("metrics: a value on a bound belongs to its bucket, and one above all bounds to the last", () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0, 1, 1.5, 2, 3]) histogram.observe(value);
  assertEquals([[...histogram.counts], histogram.count, histogram.sum], [[2, 2, 1], 5, 7.5]);
});

Deno.test("metrics: labels beyond the limit share one series, so that memory does not grow", () => {
  const family = new MetricRegistry().counter("a_total", "Help.", ["id"]);
  for (let i = 0; i < MAX_SERIES + 500; i++) family.of(String(i)).value++;
  assertEquals([[...family].length, family.of("other").value], [MAX_SERIES + 1, 500]);
});

Deno.test("metrics: one name is one family", () => {
  const registry = example();
  assertThrows(() => registry.gauge("images_total", "Again."), TypeError, "Cannot add images_total twice");
});
