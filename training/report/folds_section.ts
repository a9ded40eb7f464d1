import { boxX, dot, ruleX, text } from "npm:@observablehq/plot@0.6.17";
import { percent, percentRange, plural } from "./format.ts";
import { type Markup, markup } from "./markup.ts";
import { drawPlot } from "./plot.ts";
import type { FoldAccuracies } from "./report_content.ts";
import { meanInterval } from "./statistics.ts";
import { table } from "./table.ts";

/**
 * Shows the spread of accuracies over folds or seeds.
 *
 * @param folds The runs.
 * @returns A section; undefined without runs.
 * @throws {ModelError} `invalid`: no accuracies.
 */
export function foldsSection(folds: FoldAccuracies | undefined): Markup | undefined {
  if (folds === undefined) return undefined;
  const { name, accuracies, reference } = folds;
  const interval = meanInterval(accuracies);
  return markup`<section id="folds"><h2>Spread over the runs</h2>
<p>Each dot is one run. The box contains the middle half of them, and the line in it is the median; the whiskers reach to the furthest run within one and a half widths of the box (quartiles by linear interpolation).</p>
<div class="figures"><figure><h3>${name}</h3>${boxPlot(folds)}<figcaption>${
    explain(folds, interval.value)
  }</figcaption></figure></div>
${
    table(
      "The mean with its 95 % interval (Student's t distribution on the angular scale). Folds share most of their training images, so for them the interval is only a guide.",
      ["Runs", "Number", "Mean", "95 % interval", "Published", "Each run"],
      [[
        name,
        accuracies.length,
        percent(interval.value, 2),
        percentRange(interval),
        percent(reference, 2),
        accuracies.map((accuracy) => (100 * accuracy).toFixed(2)).join(", "),
      ]],
    )
  }
</section>`;
}

/** The box, the runs as dots below it, and the published accuracy as a dashed line. */
function boxPlot({ name, accuracies, reference }: FoldAccuracies): Markup {
  const runs = accuracies.map((accuracy, i) => ({ accuracy, title: `${i + 1}: ${percent(accuracy, 2)}` }));
  const published = reference === undefined
    ? []
    : [{ reference, text: `published ${percent(reference, 2)}` }];
  return drawPlot(`${name}: accuracies of the runs`, {
    width: 370,
    height: 150,
    x: { label: "Accuracy (%)", percent: true, grid: true, inset: 48, ticks: 5 },
    y: { axis: null, domain: ["box", "runs"] },
    marks: [
      boxX(accuracies, {
        x: (accuracy) => accuracy,
        y: () => "box",
        stroke: "var(--c1)",
        fill: "var(--bar)",
      }),
      dot(runs, { x: "accuracy", y: () => "runs", r: 4, fill: "var(--c1)", title: "title" }),
      ruleX(published, { x: "reference", stroke: "var(--c2)", strokeDasharray: "4 3" }),
      text(published, { x: "reference", text: "text", frameAnchor: "top", dy: -14, fill: "var(--c2)" }),
    ],
  });
}

function explain({ accuracies, reference }: FoldAccuracies, value: number): string {
  const mean = `The mean of ${plural(accuracies.length, "run")} is ${percent(value, 2)}; they range from ${
    percent(Math.min(...accuracies), 2)
  } to ${percent(Math.max(...accuracies), 2)}.`;
  if (reference === undefined) return mean;
  const points = 100 * (value - reference);
  return `${mean} That is ${Math.abs(points).toFixed(2)} points ${
    points < 0 ? "below" : "above"
  } the published ${percent(reference, 2)}.`;
}
