import { axisX, axisY, cell, frame, text } from "npm:@observablehq/plot@0.6.17";
import { count, percent } from "./format.ts";
import type { Markup } from "./markup.ts";
import { classMetrics } from "./metrics.ts";
import { drawPlot } from "./plot.ts";

/** With more classes the cells are too small for numbers and names; they only have colours and tooltips. */
export const MAX_NUMBERED_CLASSES = 100;

/** With more classes a plot of all of them is unreadable. */
export const MAX_DRAWN_CLASSES = 200;

/** Longer names are shortened in the middle: names with the same beginning often have different ends. */
const MAX_NAME = 16;
/** Longer names of columns are rotated. */
const MAX_UPRIGHT = 4;
const CHARACTER_WIDTH = 7;
const TITLE_HEIGHT = 28;

interface Cell {
  readonly row: number;
  readonly column: number;
  readonly times: number;
  readonly colour: string;
  readonly opacity: number;
  readonly title: string;
}

/**
 * Draws a confusion matrix. The diagonal and the mistakes have different colours with separate scales,
 * because the mistakes of a good classifier would be invisible on a common scale.
 *
 * @param label A description for screen readers.
 * @param classes The classes, in order; at most {@linkcode MAX_DRAWN_CLASSES}.
 * @param counts Row the true class, column the predicted one.
 * @returns An `svg` element.
 */
export function heatMap(label: string, classes: readonly string[], counts: Uint32Array): Markup {
  const isNumbered = classes.length <= MAX_NUMBERED_CLASSES;
  const cells = cellsOf(classes, counts);
  const longest = Math.max(...classes.map((name) => name.length));
  const margin = TITLE_HEIGHT + (isNumbered ? CHARACTER_WIDTH * Math.min(MAX_NAME, longest) : 0);
  const side = (isNumbered ? 40 : 6) * classes.length;
  const names = isNumbered
    ? {
      tickFormat: (i: number) => classes[i]!,
      lineWidth: MAX_NAME / 2,
      textOverflow: "ellipsis-middle",
    } as const
    : { ticks: [] };
  const domain = [...classes.keys()];
  return drawPlot(label, {
    width: margin + side + margin,
    height: margin + side + 8,
    marginBottom: 8,
    marginLeft: margin,
    marginRight: margin,
    marginTop: margin,
    padding: 0,
    x: { domain },
    y: { domain },
    marks: [
      frame({ fill: "var(--sunken)", stroke: "none" }),
      axisX({
        anchor: "top",
        label: "predicted class",
        labelAnchor: "left",
        tickRotate: longest > MAX_UPRIGHT ? -45 : 0,
        tickSize: 0,
        ...names,
      }),
      axisY({ label: "true class", tickSize: 0, ...names }),
      cell(cells, {
        x: "column",
        y: "row",
        fill: "colour",
        fillOpacity: "opacity",
        inset: isNumbered ? 1 : 0,
        title: "title",
      }),
      isNumbered ? text(cells, { x: "column", y: "row", text: "times", pointerEvents: "none" }) : null,
    ],
  });
}

function cellsOf(classes: readonly string[], counts: Uint32Array): Cell[] {
  const support = classMetrics(counts, classes.length).map((metrics) => metrics.support);
  const all = Array.from(counts, (times, i) => {
    const [row, column] = [Math.floor(i / classes.length), i % classes.length];
    return { row, column, times, share: times / Math.max(support[row]!, 1) };
  });
  const worst = all.reduce((max, { row, column, share }) => row === column ? max : Math.max(max, share), 0);
  return all.filter(({ times }) => times > 0).map(({ row, column, times, share }) => {
    const isCorrect = row === column;
    const prediction = isCorrect ? "classified correctly" : `classified as ${classes[column]}`;
    return {
      row,
      column,
      times,
      colour: isCorrect ? "var(--heat-right)" : "var(--heat-wrong)",
      opacity: isCorrect ? 0.12 + 0.5 * share : 0.06 + 0.74 * Math.sqrt(share / worst),
      title: `${classes[row]} ${prediction}: ${count(times)} of ${count(support[row]!)} (${percent(share)})`,
    };
  });
}
