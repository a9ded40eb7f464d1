import { calibrationFigures } from "./calibration_section.ts";
import { classTable, confusionFigure, confusionsTable } from "./confusion_section.ts";
import { count, percent, percentRange } from "./format.ts";
import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";
import { confusionMatrix, correctCount } from "./metrics.ts";
import type { ReportEvaluation } from "./report_content.ts";
import { wilsonInterval } from "./statistics.ts";

/** With more classes the matrix is too wide for a table beside it. */
const MOST_BESIDE = 15;

/**
 * Shows what a model answered to a set of labelled images: confusions, classes, confidences.
 *
 * @param evaluation What it answered.
 * @param id Of the section, to be linked to.
 * @returns A section.
 * @throws {ModelError} `invalid`: answers that do not fit together.
 */
export function evaluationSection(evaluation: ReportEvaluation, id: string): Markup {
  const { data, classes } = evaluation;
  const counts = confusionMatrix(evaluation, classes.length);
  const images = evaluation.labels.length;
  const right = correctCount(counts, classes.length);
  const interval = wilsonInterval(right, images);
  return markup`<section id="${id}"><h2>${data}</h2>
<p>${count(right)} of ${count(images)} images are right: <b>${
    percent(interval.value, 2)
  }</b>. With other images of the same kind it would be within ${
    percentRange(interval)
  } (Wilson's interval, 95 %).</p>
<div class="figures ${classes.length <= MOST_BESIDE ? "beside" : "below"}">
${confusionFigure(data, classes, counts)}<div class="stack">${classTable(classes, counts)}${
    confusionsTable(classes, counts)
  }</div>
</div>
${calibrationFigures(evaluation)}
</section>`;
}
