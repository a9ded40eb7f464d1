import { ServiceMetrics } from "../../actors/metrics/service_metrics.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { promtool } from "../../testing/prometheus.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = await Deno.readTextFile(new URL("docs/observability.md", ROOT));
const ALERTS = await Deno.readTextFile(new URL("deploy/prometheus/alerts.yaml", ROOT));
const DASHBOARD = await Deno.readTextFile(new URL("deploy/grafana/imagebus.json", ROOT));

/** The queries of the dashboard. */
const EXPRESSIONS: string[] = JSON.parse(DASHBOARD).panels.flatMap((
  { targets }: { readonly targets: readonly { readonly expr: string }[] },
) => targets.map(({ expr }) => expr));

/** All families; histograms also under the names of their series. */
function families() {
  using metrics = new ServiceMetrics("0.0.0-test");
  return [...metrics.registry].map(({ name, type, labels, help }) => ({ name, type, labels, help }));
}

const NAMES = new Set(
  families().flatMap(({ name, type }) =>
    type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
  ),
);

function unknownIn(text: string): string[] {
  return [...text.matchAll(/\b(?:imagebus|process)_[a-z_]+(?=[{[ )]|$)/gm)].map(([name]) => name)
    .filter((name) => !NAMES.has(name));
}

Deno.test("observability: the page has each metric with its type, labels and meaning, and no other", () => {
  const rows = [...PAGE.matchAll(/^\| `((?:imagebus|process)_\w+)` +\|([^|]*)\|([^|]*)\|([^|]*)\|.*$/gm)];
  const found = rows.map(([, name, type, labels, help]) => ({
    name: name!,
    type: type!.trim(),
    labels: labels!.trim().split(", ").filter(Boolean),
    help: help!.trim(),
  }));
  assertEquals(found, families() as typeof found);
});

Deno.test("observability: alerts and dashboard use only metrics that exist, and the page has each alert", () => {
  assertEquals(unknownIn(ALERTS), []);
  assert(EXPRESSIONS.length >= 30);
  assertEquals(unknownIn(EXPRESSIONS.join("\n")), []);
  assertEquals(unknownIn("rate(imagebus_image_total[5m])"), ["imagebus_image_total"]);
  const alerts = [...ALERTS.matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
  assertEquals(alerts.filter((name) => !PAGE.includes(`\`${name}\``)), []);
  assertEquals([...PAGE.matchAll(/`(Imagebus\w+)`/g)].filter(([, name]) => !alerts.includes(name!)), []);
});

const installed = await promtool(["--version"]) !== null;

Deno.test({
  name:
    `observability: promtool accepts the alerts and the queries of the dashboard, and each tested one fires and rests as it should${
      installed ? "" : ": needs promtool"
    }`,
  ignore: !installed,
  async fn() {
    const path = (name: string) => new URL(`deploy/prometheus/${name}`, ROOT).pathname;
    const checked = await promtool(["check", "rules", path("alerts.yaml")]);
    assertEquals(checked!.code, 0, checked!.output);
    const rules = EXPRESSIONS.map((query, i) => ({
      record: `query:${i}`,
      expr: query.replaceAll(/\$__rate_interval/g, "5m"),
    }));
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await Deno.writeTextFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const queries = await promtool(["check", "rules", file]);
    await Deno.remove(file);
    assertEquals(queries!.code, 0, queries!.output);
    const tested = await promtool(["test", "rules", path("alerts_test.yaml")]);
    assertEquals(tested!.code, 0, tested!.output);
  },
});
