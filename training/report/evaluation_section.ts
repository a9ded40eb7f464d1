import { correctPredictions } from "../../models/logits.ts";
import { calibrationFigures } from "./calibration_section.ts";
import { classTable, confusionFigure, confusionsTable } from "./confusion_section.ts";
import { count, percent, percentRange } from "./format.ts";
import { type Markup, markup } from "./markup.ts";
import { confusionMatrix } from "./metrics.ts";
import type { ReportEvaluation } from "./report_content.ts";
import { wilsonInterval } from "./statistics.ts";

/**
 * Shows an evaluation on labelled images: confusions, classes, calibration.
 *
 * @param evaluation The evaluation.
 * @param id Of the section, for links.
 * @returns A section.
 * @throws {ModelError} `invalid`: logits and labels that do not fit together.
 */
export function evaluationSection(evaluation: ReportEvaluation, id: string): Markup {
  const { data, classes, logits, labels } = evaluation;
  const counts = confusionMatrix(evaluation, classes.length);
  const images = labels.length;
  const correct = correctPredictions(logits, labels);
  const interval = wilsonInterval(correct, images);
  return markup`<section id="${id}"><h2>${data}</h2>
<p>${count(correct)} of ${count(images)} images are classified correctly: the accuracy is <b>${
    percent(interval.value, 2)
  }</b>, with a 95 % interval of ${percentRange(interval)} (Wilson).</p>
<div class="figures">
${confusionFigure(data, classes, counts)}${classTable(classes, counts)}${
    confusionsTable(classes, counts)
  }</div>
${calibrationFigures(evaluation)}
</section>`;
}
