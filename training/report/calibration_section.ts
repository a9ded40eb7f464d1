import { type Calibration, type ConfidenceBin, measureCalibration } from "./calibration.ts";
import { count, percent, plural, significant } from "./format.ts";
import { type Markup, markup } from "./markup.ts";
import { reliabilityDiagram } from "./reliability_diagram.ts";
import type { ReportEvaluation } from "./report_content.ts";
import { table } from "./table.ts";

/** Minimum number of predictions for the example in the caption. */
const MIN_PREDICTIONS = 30;

/** Preferred confidence of the example in the caption. */
const EXAMPLE_CONFIDENCE = 0.9;

/**
 * Shows the calibration, before and after temperature scaling.
 *
 * @param evaluation Of the model.
 * @returns Figures and a table.
 */
export function calibrationFigures(evaluation: ReportEvaluation): Markup {
  const { classes, temperature } = evaluation;
  const before = measureCalibration(evaluation, classes.length);
  const after = measureCalibration(evaluation, classes.length, temperature);
  const isScaled = temperature !== 1;
  return markup`<h3>Calibration of the confidences</h3>
<p>${isScaled ? scaled(before, after) : unscaled(before)} ${example(after)}</p>
<p>Each dot is a range of confidence, with the 95 % interval of its accuracy. On the dashed line confidence and accuracy are equal; below it the model is overconfident, above it underconfident. The bars show how many predictions are in each range.</p>
<div class="figures">
${figure(isScaled ? "Before scaling (T = 1)" : "Confidence and accuracy", before)}
${isScaled ? figure(`After scaling (T = ${significant(temperature)})`, after) : undefined}
${measures(isScaled ? [before, after] : [before])}
</div>`;
}

function scaled(before: Calibration, after: Calibration): string {
  const [from, to] = [percent(before.expectedError), percent(after.expectedError)];
  const change = from === to ? "stays at" : after.expectedError < before.expectedError ? "falls" : "rises";
  const errors = from === to ? to : `from ${from} to ${to}`;
  return `After scaling by T = ${
    significant(after.temperature)
  } the expected calibration error ${change} ${errors}.`;
}

function unscaled({ expectedError }: Calibration): string {
  return `The expected calibration error is ${percent(expectedError)}; the logits are not scaled (T = 1).`;
}

function example({ bins }: Calibration): string {
  const near = bins.find(({ from, to }) => EXAMPLE_CONFIDENCE > from && EXAMPLE_CONFIDENCE <= to)!;
  const fullest = bins.reduce((a, b) => b.count > a.count ? b : a);
  const { count: images, confidence, accuracy }: ConfidenceBin = near.count >= MIN_PREDICTIONS
    ? near
    : fullest;
  return `Of the ${count(images)} predictions with a confidence of about ${percent(confidence, 0)}, ${
    percent(accuracy, 0)
  } are correct.`;
}

function figure(title: string, calibration: Calibration): Markup {
  const drawing = reliabilityDiagram(`${title}: accuracy by confidence`, calibration);
  return markup`<figure><h3>${title}</h3>${drawing}<figcaption>${
    explain(calibration)
  }</figcaption></figure>\n`;
}

function explain({ bins, expectedError, maximumError }: Calibration): string {
  const lean = bins.reduce(
    (sum, { count, confidence, accuracy }) => sum + count * (confidence - accuracy),
    0,
  );
  const tendency = lean > 0 ? "overconfident" : "underconfident";
  const worst = bins.reduce((a, b) => gap(b) > gap(a) ? b : a);
  return `On the whole the model is ${tendency}. Confidence and accuracy differ by ${
    points(expectedError)
  } points on average, and by ${points(maximumError)} in the worst range, which has ${
    plural(worst.count, "prediction")
  }.`;
}

function gap({ confidence, accuracy }: ConfidenceBin): number {
  return Math.abs(confidence - accuracy);
}

function points(share: number): string {
  return (100 * share).toFixed(1);
}

function measures(calibrations: readonly Calibration[]): Markup {
  const row = (name: string, write: (calibration: Calibration) => string) => [
    name,
    ...calibrations.map(write),
  ];
  return markup`<div><h3>Measures</h3>${
    table(
      "Lower is better in every row. The first two compare confidence with accuracy over 15 ranges of equal width; the others evaluate the complete distribution over the classes.",
      ["Measure", ...calibrations.length === 1 ? ["Value"] : ["Before", "After"]],
      [
        row("Expected calibration error", ({ expectedError }) => percent(expectedError, 2)),
        row("Maximum calibration error", ({ maximumError }) => percent(maximumError, 2)),
        row("Negative log-likelihood (nats)", (each) => each.negativeLogLikelihood.toFixed(4)),
        row("Brier score (0 to 2)", ({ brier }) => brier.toFixed(4)),
      ],
    )
  }</div>`;
}
