import { correctPredictions } from "../../models/logits.ts";
import { measureCalibration } from "./calibration.ts";
import { count, duration, percent, percentRange, significant } from "./format.ts";
import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";

import type { ReportContent, ReportEvaluation, ReportFacts } from "./report_content.ts";
import { meanInterval, wilsonInterval } from "./statistics.ts";

interface Fact {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
}

const MAX_TILES = 4;

/**
 * Summarises a report: a few key figures and the table of facts.
 *
 * @param content Of the report.
 * @returns A section; undefined if there are no facts.
 */
export function factsSection(content: ReportContent): Markup | undefined {
  const { facts = {} } = content;
  const tiles = keyFacts(content);
  const rows = [...origin(facts), ...cost(facts), ...facts.more ?? []];
  if (tiles.length + rows.length === 0 && facts.recipe === undefined) return undefined;
  return markup`<section id="facts" aria-label="Facts">
<dl class="tiles">${
    tiles.map(({ name, value, note }) =>
      markup`<div><dt>${name}</dt><dd><b>${value}</b><span>${note}</span></dd></div>`
    )
  }</dl>
${rows.length === 0 ? undefined : factTable(rows)}
${facts.recipe === undefined ? undefined : markup`<p class="recipe"><b>Recipe.</b> ${facts.recipe}</p>`}
</section>`;
}

function factTable(rows: readonly Fact[]): Markup {
  return markup`<dl class="facts">${
    rows.map(({ name, value }) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)
  }</dl>`;
}

function keyFacts({ evaluations = [], folds = [], facts = {} }: ReportContent): Fact[] {
  const tiles = [
    ...evaluations.slice(0, 2).map(accuracyFact),
    ...evaluations.slice(0, 1).map(calibrationFact),
  ];
  for (const { name, accuracies } of evaluations.length > 0 ? [] : folds) {
    const interval = meanInterval(accuracies);
    tiles.push({
      name,
      value: percent(interval.value, 2),
      note: `mean; 95 % interval ${percentRange(interval)}`,
    });
  }
  if (facts.millisecondsPerImage !== undefined) {
    tiles.push({
      name: "Time per image",
      value: `${significant(facts.millisecondsPerImage)}\u00a0ms`,
      note: facts.costConditions ?? "",
    });
  }
  if (facts.trainingSeconds !== undefined) {
    tiles.push({ name: "Training", value: duration(facts.trainingSeconds), note: "" });
  }
  return tiles.slice(0, MAX_TILES);
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

function origin({ data, trainingImages, validationImages, seeds, trainingSeconds }: ReportFacts): Fact[] {
  return [
    ...fact("Data", data),
    ...fact("Training images", trainingImages, count),
    ...fact("Validation images", validationImages, count),
    ...fact(seeds?.length === 1 ? "Seed" : "Seeds", seeds?.join(", ")),
    ...fact("Training time", trainingSeconds, duration),
  ];
}

function cost(facts: ReportFacts): Fact[] {
  const { parameters, weightsBytes, multiplyAdds, millisecondsPerImage, costConditions } = facts;
  const conditions = costConditions === undefined ? "" : ` (${costConditions})`;
  return [
    ...fact("Parameters", parameters, count),
    ...fact("Weights", weightsBytes, (bytes) => `${significant(bytes / 1024)}\u00a0KiB`),
    ...fact("Multiply-adds per image", multiplyAdds, count),
    ...fact("Time per image", millisecondsPerImage, (ms) => `${significant(ms)}\u00a0ms${conditions}`),
  ];
}

function fact<T extends string | number>(
  name: string,
  value: T | undefined,
  write: (value: T) => string = String,
): Fact[] {
  return value === undefined ? [] : [{ name, value: write(value) }];
}
