import { bottomAxis, leftAxis, picture, round } from "./axis.ts";
import type { Plot } from "./axis.ts";
import type { Calibration, ConfidenceBin } from "./calibration.ts";
import { count, percent } from "./format.ts";
import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";
import { placed } from "./scale.ts";
import type { Scale } from "./scale.ts";
import { wilsonInterval } from "./statistics.ts";

const PLOT: Plot = { width: 360, height: 344, left: 46, right: 346, top: 34, bottom: 304 };

/** The counts are in a separate strip below the accuracies. */
const ACCURACY_BOTTOM = 234;
const STRIP_TOP = 262;

const TENTHS = [0, 0.2, 0.4, 0.6, 0.8, 1];

/**
 * Draws a reliability diagram: mean confidence and accuracy of each bin, with the 95 % interval of the
 * accuracy; the distance to the diagonal is the error of the confidence. Below it, the number of predictions
 * in each bin.
 *
 * @param label A description for screen readers.
 * @param calibration The measurement.
 * @returns An `svg` element.
 */
export function reliabilityDiagram(label: string, { bins }: Calibration): Markup {
  const across = placed(TENTHS, 1, [PLOT.left, PLOT.right]);
  const up = placed(TENTHS, 1, [ACCURACY_BOTTOM, PLOT.top]);
  const filled = bins.filter((bin) => bin.count > 0);
  const format = (tick: number) => String(Math.round(100 * tick));
  return picture(PLOT, label, [
    leftAxis(up, PLOT, { title: "Accuracy (%)", format }),
    bottomAxis(across, PLOT, { title: "Confidence (%)", format }),
    markup`<path class="ideal" d="M${PLOT.left} ${ACCURACY_BOTTOM}L${PLOT.right} ${PLOT.top}" />`,
    strip(filled, across),
    filled.map((bin) => mark(bin, across, up)),
  ]);
}

function mark(bin: ConfidenceBin, across: Scale, up: Scale): Markup {
  const { low, high } = wilsonInterval(bin.correct, bin.count);
  const x = round(across.at(bin.confidence));
  const y = round(up.at(bin.accuracy));
  const title = `Confidence ${percent(bin.from, 0)} to ${percent(bin.to, 0)}, on average ${
    percent(bin.confidence)
  }: ${count(bin.correct)} of ${count(bin.count)} correct (${percent(bin.accuracy)})`;
  return markup`<g class="bin"><title>${title}</title><rect class="band" x="${
    round(across.at(bin.from))
  }" y="${PLOT.top}" width="${round(across.at(bin.to) - across.at(bin.from))}" height="${
    PLOT.bottom - PLOT.top
  }" /><path class="gap" d="M${x} ${round(up.at(bin.confidence))}V${y}" /><path class="whisker" d="M${x} ${
    round(up.at(low))
  }V${round(up.at(high))}" /><circle class="c1 dot" cx="${x}" cy="${y}" r="4" /></g>`;
}

function strip(bins: readonly ConfidenceBin[], across: Scale): Markup {
  const images = bins.reduce((sum, bin) => sum + bin.count, 0);
  const fullest = bins.reduce((a, b) => a.count > b.count ? a : b);
  const bars = bins.map((bin) => {
    const height = (PLOT.bottom - STRIP_TOP) * bin.count / fullest.count;
    return markup`<rect class="bar" x="${round(across.at(bin.from) + 1)}" y="${
      round(PLOT.bottom - height)
    }" width="${round(across.at(bin.to) - across.at(bin.from) - 2)}" height="${round(height)}" />`;
  });
  const isLeft = fullest.from < 0.5;
  const x = isLeft ? across.at(fullest.from) : across.at(fullest.to);
  return markup`${bars}<text class="tick" x="${round(x)}" y="${STRIP_TOP - 5}" text-anchor="${
    isLeft ? "start" : "end"
  }">${percent(fullest.count / images, 0)} of the predictions</text>`;
}
