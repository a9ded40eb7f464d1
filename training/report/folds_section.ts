import { boxPlot } from "./box_plot.ts";
import { percent, percentRange, plural } from "./format.ts";
import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";
import type { FoldAccuracies } from "./report_content.ts";
import { meanInterval } from "./statistics.ts";
import { table } from "./table.ts";

/**
 * Shows the spread of accuracies over folds or seeds.
 *
 * @param folds Each group has a box plot.
 * @returns A section; undefined if there are no groups.
 * @throws {ModelError} `invalid`: a group without accuracies.
 */
export function foldsSection(folds: readonly FoldAccuracies[] = []): Markup | undefined {
  if (folds.length === 0) return undefined;
  const span = Math.max(0.004, ...folds.map(spread));
  const scales = folds.length === 1
    ? ""
    : " All axes have the same width, so the widths of the boxes are comparable.";
  return markup`<section id="folds"><h2>Spread over the runs</h2>
<p>Each dot is one run. The box contains the middle half of them, and the line in it is the median; the whiskers reach to the furthest run within one and a half widths of the box (quartiles by linear interpolation).${scales}</p>
<div class="figures">${folds.map((group) => figure(group, span))}</div>
${numbers(folds)}
</section>`;
}

function spread({ accuracies, reference }: FoldAccuracies): number {
  const all = [...accuracies, ...reference === undefined ? [] : [reference]];
  return Math.max(...all) - Math.min(...all);
}

function figure(group: FoldAccuracies, span: number): Markup {
  const { name, accuracies, reference } = group;
  const drawing = boxPlot({ label: `${name}: accuracies of the runs`, accuracies, reference, span });
  return markup`<figure><h3>${name}</h3>${drawing}<figcaption>${explain(group)}</figcaption></figure>\n`;
}

function explain({ accuracies, reference }: FoldAccuracies): string {
  const { value } = meanInterval(accuracies);
  const mean = `The mean of ${plural(accuracies.length, "run")} is ${percent(value, 2)}; they range from ${
    percent(Math.min(...accuracies), 2)
  } to ${percent(Math.max(...accuracies), 2)}.`;
  if (reference === undefined) return mean;
  const points = 100 * (value - reference);
  return `${mean} That is ${Math.abs(points).toFixed(2)} points ${
    points < 0 ? "below" : "above"
  } the published ${percent(reference, 2)}.`;
}

function numbers(folds: readonly FoldAccuracies[]): Markup {
  return table({
    caption:
      "Means with their 95 % intervals (Student's t distribution on the angular scale). Folds share most of their training images, so for them the interval is only a guide.",
    columns: [
      { title: "Runs" },
      { title: "Number", isNumeric: true },
      { title: "Mean", isNumeric: true },
      { title: "95 % interval", isNumeric: true },
      { title: "Published", isNumeric: true },
      { title: "Each run", isNumeric: true },
    ],
    rows: folds.map(({ name, accuracies, reference }) => {
      const interval = meanInterval(accuracies);
      return [
        name,
        accuracies.length,
        percent(interval.value, 2),
        percentRange(interval),
        percent(reference, 2),
        accuracies.map((accuracy) => (100 * accuracy).toFixed(2)).join(", "),
      ];
    }),
  });
}
