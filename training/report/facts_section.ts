import { correctPredictions } from "../../models/logits.ts";
import { measureCalibration } from "./calibration.ts";
import { count, duration, percent, percentRange, significant } from "./format.ts";
import { type Markup, markup } from "./markup.ts";
import type { FoldAccuracies, ReportContent, ReportEvaluation, ReportFacts } from "./report_content.ts";
import { meanInterval, wilsonInterval } from "./statistics.ts";

interface Fact {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

const MAX_TILES = 4;

/**
 * Summarises a report: a few key figures and the table of facts.
 *
 * @param content Of the report.
 * @returns A section; undefined if there are no facts.
 */
export function factsSection(content: ReportContent): Markup | undefined {
  const tiles = keyFacts(content);
  const rows = allFacts(content.facts);
  if (tiles.length + rows.length === 0) return undefined;
  return markup`<section id="facts" aria-label="Facts">
<dl class="tiles">${
    tiles.map(({ name, value, note }) =>
      markup`<div><dt>${name}</dt><dd><b>${value}</b><span>${note}</span></dd></div>`
    )
  }</dl>
<dl class="facts">${rows.map(({ name, value }) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</section>`;
}

function keyFacts({ evaluations = [], folds, facts = {} }: ReportContent): Fact[] {
  const { cost, trainingSeconds } = facts;
  return [
    ...evaluations.slice(0, 2).map(accuracyFact),
    ...evaluations.slice(0, 1).map(calibrationFact),
    ...folds !== undefined && evaluations.length === 0 ? [foldsFact(folds)] : [],
    ...fact("Time per image", cost, ({ millisecondsPerImage: ms }) => milliseconds(ms), cost?.conditions),
    ...fact("Training", trainingSeconds, duration),
  ].slice(0, MAX_TILES);
}

function accuracyFact({ data, logits, labels }: ReportEvaluation): Fact {
  const correct = correctPredictions(logits, labels);
  const interval = wilsonInterval(correct, labels.length);
  return {
    name: `Accuracy on ${data}`,
    value: percent(interval.value, 2),
    note: `${count(correct)} of ${count(labels.length)}; 95 % interval ${percentRange(interval)}`,
  };
}

function calibrationFact(evaluation: ReportEvaluation): Fact {
  const { expectedError } = measureCalibration(evaluation, evaluation.classes.length, evaluation.temperature);
  return {
    name: "Calibration error",
    value: percent(expectedError, 2),
    note: "expected difference between confidence and accuracy",
  };
}

function foldsFact({ name, accuracies }: FoldAccuracies): Fact {
  const interval = meanInterval(accuracies);
  return {
    name,
    value: percent(interval.value, 2),
    note: `mean; 95 % interval ${percentRange(interval)}`,
  };
}

function allFacts(
  { data, seeds, trainingSeconds, parameters, weightsBytes, multiplyAdds, cost }: ReportFacts = {},
): Fact[] {
  return [
    ...fact("Data", data, String),
    ...fact(seeds?.length === 1 ? "Seed" : "Seeds", seeds, (all) => all.join(", ")),
    ...fact("Training time", trainingSeconds, duration),
    ...fact("Parameters", parameters, count),
    ...fact("Weights", weightsBytes, (bytes) => `${significant(bytes / 1024)}\u00a0KiB`),
    ...fact("Multiply-adds per image", multiplyAdds, count),
    ...fact(
      "Time per image",
      cost,
      ({ millisecondsPerImage, conditions }) => `${milliseconds(millisecondsPerImage)} (${conditions})`,
    ),
  ];
}

function fact<T>(name: string, value: T | undefined, write: (value: T) => string, note = ""): Fact[] {
  return value === undefined ? [] : [{ name, value: write(value), note }];
}

function milliseconds(ms: number): string {
  return `${significant(ms)}\u00a0ms`;
}
