import { dot, link, rectY, ruleX } from "npm:@observablehq/plot@0.6.17";
import type { Calibration, ConfidenceBin } from "./calibration.ts";
import { count, percent } from "./format.ts";
import { type Markup, markup } from "./markup.ts";
import { drawPlot } from "./plot.ts";
import { wilsonInterval } from "./statistics.ts";

const SIZE = { width: 360, marginLeft: 46, marginRight: 14 };
const SHARES = { domain: [0, 100], percent: true, ticks: 5 };

/**
 * Draws a reliability diagram: mean confidence and accuracy of each bin, with the 95 % interval of the
 * accuracy; the distance to the diagonal is the error of the confidence. Below it, the number of predictions
 * in each bin.
 *
 * @param label A description for screen readers.
 * @param calibration The measurement.
 * @returns Two `svg` elements.
 */
export function reliabilityDiagram(label: string, { bins }: Calibration): Markup {
  const filled = bins.filter((bin) => bin.count > 0).map((bin) => ({
    ...bin,
    ...wilsonInterval(bin.correct, bin.count),
    title: describe(bin),
  }));
  const accuracies = drawPlot(label, {
    ...SIZE,
    height: 260,
    x: { ...SHARES, label: "Confidence (%)" },
    y: { ...SHARES, label: "Accuracy (%)", grid: true },
    marks: [
      link([0], { x1: 0, y1: 0, x2: 1, y2: 1, stroke: "var(--quiet)", strokeDasharray: "4 4" }),
      ruleX(filled, {
        x: "confidence",
        y1: "confidence",
        y2: "accuracy",
        stroke: "var(--c2)",
        strokeWidth: 5,
        strokeOpacity: 0.55,
      }),
      ruleX(filled, { x: "confidence", y1: "low", y2: "high", stroke: "var(--c1)" }),
      dot(filled, { x: "confidence", y: "accuracy", r: 4, fill: "var(--c1)", title: "title" }),
    ],
  });
  const predictions = drawPlot("Number of predictions by confidence", {
    ...SIZE,
    height: 90,
    marginBottom: 6,
    x: { ...SHARES, axis: null },
    y: { label: "Predictions", ticks: 2 },
    marks: [rectY(filled, { x1: "from", x2: "to", y: "count", fill: "var(--bar)", title: "title" })],
  });
  return markup`${accuracies}${predictions}`;
}

function describe({ from, to, count: images, confidence, correct, accuracy }: ConfidenceBin): string {
  return `Confidence ${percent(from, 0)} to ${percent(to, 0)}, on average ${percent(confidence)}: ${
    count(correct)
  } of ${count(images)} correct (${percent(accuracy)})`;
}
