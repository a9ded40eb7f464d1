import { bottomAxis, picture, round, textWidth } from "./axis.ts";
import type { Plot } from "./axis.ts";
import { percent } from "./format.ts";
import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";
import { shareScale } from "./scale.ts";
import type { Scale } from "./scale.ts";
import { boxSummary } from "./statistics.ts";

/** Content of a box plot. */
export interface BoxPlot {
  /** A description for screen readers. */
  readonly label: string;
  /** Accuracy of each run, 0 to 1; at least one. */
  readonly accuracies: readonly number[];
  /** A published accuracy for comparison, 0 to 1. */
  readonly reference?: number | undefined;
  /** Width of the scale, as a share: the same for box plots whose spreads are to be compared. */
  readonly span: number;
}

const PLOT: Plot = { width: 370, height: 146, left: 16, right: 354, top: 30, bottom: 104 };
const MIDDLE = 56;
const HALF = 14;
const DOTS = 87;

/**
 * Draws a horizontal box plot: the box from the lower to the upper quartile with the median in it, whiskers,
 * each run as a dot below it, the published accuracy as a dashed line.
 *
 * @param plot Its content.
 * @returns An `svg` element.
 */
export function boxPlot({ label, accuracies, reference, span }: BoxPlot): Markup {
  const values = reference === undefined ? accuracies : [...accuracies, reference];
  const scale = shareScale(values, span, [PLOT.left, PLOT.right]);
  const { digits } = scale;
  const ticks = scale.ticks.map((tick) =>
    markup`<path class="grid" d="M${round(scale.at(tick))} ${PLOT.top}V${PLOT.bottom}" />`
  );
  return picture(PLOT, label, [
    ticks,
    bottomAxis(scale, PLOT, {
      title: "Accuracy (%)",
      format: (tick) => (100 * tick).toFixed(Math.max(0, digits - 2)),
    }),
    box(accuracies, scale),
    accuracies.map((accuracy, i) =>
      markup`<circle class="c1 dot" cx="${round(scale.at(accuracy))}" cy="${DOTS}" r="4"><title>${`${
        i + 1
      }: ${percent(accuracy, 2)}`}</title></circle>`
    ),
    reference === undefined ? undefined : referenceLine(reference, scale),
  ]);
}

function box(accuracies: readonly number[], scale: Scale): Markup {
  const { lower, median, upper, low, high } = boxSummary(accuracies);
  const [left, middle, right, first, last] = [lower, median, upper, low, high].map((value) =>
    round(scale.at(value))
  );
  const [top, bottom] = [MIDDLE - HALF, MIDDLE + HALF];
  return markup`<path class="whisker" d="M${first} ${MIDDLE}H${left}M${right} ${MIDDLE}H${last}M${first} ${
    MIDDLE - 6
  }v12M${last} ${MIDDLE - 6}v12" /><rect class="box" x="${left}" y="${top}" width="${
    round(right! - left!)
  }" height="${bottom - top}" rx="2"><title>${`Middle half: ${percent(lower, 2)} to ${
    percent(upper, 2)
  }, median ${percent(median, 2)}`}</title></rect><path class="median" d="M${middle} ${top}V${bottom}" />`;
}

/** A line from top to bottom, named above it. */
function referenceLine(reference: number, scale: Scale): Markup {
  const x = round(scale.at(reference));
  const name = `published ${percent(reference, 2)}`;
  const half = textWidth(name) / 2;
  const centre = Math.min(Math.max(x, half), PLOT.width - half);
  return markup`<path class="c2 reference" d="M${x} ${
    PLOT.top - 6
  }V${PLOT.bottom}" /><text class="c2 label" x="${round(centre)}" y="${
    PLOT.top - 12
  }" text-anchor="middle">${name}</text>`;
}
