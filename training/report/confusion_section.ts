import { count, percent, plural } from "./format.ts";
import { heatMap, MAX_DRAWN_CLASSES, MAX_NUMBERED_CLASSES } from "./heat_map.ts";
import { type Markup, markup, type Part } from "./markup.ts";
import { type ClassMetrics, classMetrics, type Confusion, topConfusions } from "./metrics.ts";
import { table } from "./table.ts";

const CONFUSIONS_SHOWN = 8;

/** Maximum number of classes for which a table fits beside the matrix. */
const MAX_BESIDE = 15;

/** Maximum rows of the table of classes; of more classes those with the lowest F1 are shown. */
const CLASSES_SHOWN = 100;

/**
 * Draws the confusion matrix and explains it.
 *
 * @param data Title of the data.
 * @param classes The classes, in order.
 * @param counts Row the true class, column the predicted one.
 * @returns A figure; undefined for more classes than can be drawn.
 */
export function confusionFigure(
  data: string,
  classes: readonly string[],
  counts: Uint32Array,
): Markup | undefined {
  if (classes.length > MAX_DRAWN_CLASSES) return undefined;
  const [top] = topConfusions(counts, classes.length, 1);
  const cells = classes.length <= MAX_NUMBERED_CLASSES
    ? "Each number counts images"
    : "Each cell has its count as a tooltip";
  return markup`<figure class="${
    classes.length > MAX_BESIDE ? "wide" : ""
  }"><h3>Confusion matrix</h3><div class="scroll" tabindex="0">${
    heatMap(`Confusion matrix of ${data}`, classes, counts)
  }</div><figcaption>${cells}: rows are true classes, columns predicted ones. <i class="swatch" style="--swatch: var(--heat-right)"></i>Correct predictions are on the diagonal, <i class="swatch" style="--swatch: var(--heat-wrong)"></i>mistakes beside it; the stronger the colour, the larger the share of the row. ${
    mostFrequent(top, classes)
  }</figcaption></figure>\n`;
}

function mostFrequent(top: Confusion | undefined, classes: readonly string[]): string {
  if (top === undefined) return "There are no mistakes.";
  const { label, predicted, times, share } = top;
  return `The most frequent mistake: ${classes[label]} classified as ${classes[predicted]}, ${
    plural(times, "time")
  }, which is ${percent(share)} of all ${classes[label]}.`;
}

/**
 * Lists the most frequent mistakes.
 *
 * @param classes The classes, in order.
 * @param counts Row the true class, column the predicted one.
 * @returns A table; undefined if there are no mistakes.
 */
export function confusionsTable(classes: readonly string[], counts: Uint32Array): Markup | undefined {
  const confusions = topConfusions(counts, classes.length, CONFUSIONS_SHOWN);
  if (confusions.length === 0) return undefined;
  const all = topConfusions(counts, classes.length, Infinity).reduce((sum, { times }) => sum + times, 0);
  const shown = confusions.reduce((sum, { times }) => sum + times, 0);
  const caption = shown === all
    ? `All ${count(all)} mistakes are listed.`
    : `These ${confusions.length} kinds of mistakes make up ${percent(shown / all, 0)} of all ${count(all)}.`;
  return markup`<div><h3>Most frequent mistakes</h3>${
    table(
      caption,
      ["Mistake", "Count", "Share of the class"],
      confusions.map(({ label, predicted, times, share }) => [
        `${classes[label]} classified as ${classes[predicted]}`,
        count(times),
        percent(share),
      ]),
    )
  }</div>\n`;
}

/**
 * Lists precision and recall of each class.
 *
 * @param classes The classes, in order.
 * @param counts Row the true class, column the predicted one.
 * @returns A table.
 */
export function classTable(classes: readonly string[], counts: Uint32Array): Markup {
  const all = classMetrics(counts, classes.length).map((metrics, i) => ({ name: classes[i]!, ...metrics }));
  const ranked = all.filter(({ support }) => support > 0).sort((a, b) => a.f1! - b.f1!);
  const shown = all.length <= CLASSES_SHOWN ? all : ranked.slice(0, CLASSES_SHOWN);
  const cut = shown.length === all.length
    ? ""
    : ` The ${shown.length} hardest of ${all.length} classes are listed.`;
  return markup`<div><h3>Precision and recall</h3>${
    table(
      `Precision: share of the predictions of a class that are correct. Recall: share of the images of a class that are recognised. F1: their harmonic mean. ${
        extremes(ranked)
      }${cut}`,
      ["Class", "Images", "Precision", "Recall", "F1"],
      shown.map(({ name, support, precision, recall, f1 }) => [
        name,
        count(support),
        ...[precision, recall, f1].map(bar),
      ]),
    )
  }</div>\n`;
}

function extremes(ranked: readonly (ClassMetrics & { readonly name: string })[]): string {
  const [hardest, easiest] = [ranked[0], ranked.at(-1)];
  if (hardest === undefined || easiest === undefined || hardest.f1 === easiest.f1) return "";
  return `Easiest: ${easiest.name} (F1 ${percent(easiest.f1)}), hardest: ${hardest.name} (${
    percent(hardest.f1)
  }).`;
}

function bar(share: number | undefined): Part {
  if (share === undefined) return percent(share);
  return markup`<span class="share" style="--share:${(100 * share).toFixed(1)}%">${percent(share)}</span>`;
}
