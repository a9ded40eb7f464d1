import { bottomAxis, leftAxis, picture, round, textWidth } from "./axis.ts";
import type { AxisText, Plot } from "./axis.ts";
import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";
import { linearScale } from "./scale.ts";
import type { Scale } from "./scale.ts";

/** One line of a chart. */
export interface Line {
  /** Its label; the same for all lines of one colour. */
  readonly name: string;
  /** Index of its colour in the palette, from 1. */
  readonly colour: number;
  /** Faint lines are single runs; the others are labelled at their ends. */
  readonly faint: boolean;
  /** In ascending order of x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Content of a line chart. */
export interface LineChart {
  /** A description for screen readers. */
  readonly label: string;
  /** The horizontal axis, for integers. */
  readonly x: AxisText;
  /** The vertical axis. */
  readonly y: AxisText;
  /** Formats a value. */
  readonly format: (value: number) => string;
  /** The last ones are on top. */
  readonly lines: readonly Line[];
}

const SIZE = { width: 390, height: 236, top: 34, bottom: 192 };
const LABEL_HEIGHT = 15;

/**
 * Draws a line chart. Lines are labelled at their ends; a native tooltip at each x shows the values.
 *
 * @param chart Its content.
 * @returns An `svg` element.
 */
export function lineChart({ label, x, y, format, lines: all }: LineChart): Markup {
  const lines = all.filter((line) => line.points.length > 0);
  const points = lines.flatMap((line) => line.points);
  const vertical = linearScale({ values: points.map((point) => point.y), range: [SIZE.bottom, SIZE.top] });
  const named = lines.filter((line) => !line.faint);
  const longest = Math.max(...named.map(({ name }) => textWidth(name)));
  const widestTick = Math.max(
    ...vertical.ticks.map((tick) => textWidth(y.format?.(tick) ?? tick.toFixed(vertical.digits))),
  );
  const plot: Plot = { ...SIZE, left: round(widestTick + 10), right: round(SIZE.width - longest - 12) };
  const horizontal = linearScale({
    values: points.map((point) => point.x),
    range: [plot.left, plot.right],
    minStep: 1,
  });
  return picture(plot, label, [
    leftAxis(vertical, plot, y),
    bottomAxis(horizontal, plot, x),
    bands(named, horizontal, plot, format),
    lines.map((line) => drawLine(line, horizontal, vertical)),
    endLabels(named, horizontal, vertical),
  ]);
}

function drawLine({ colour, faint, points }: Line, horizontal: Scale, vertical: Scale): Markup {
  const places = points.map(({ x, y }) => `${round(horizontal.at(x))} ${round(vertical.at(y))}`);
  const dot = places.length === 1
    ? markup`<circle class="c${colour} dot" cx="${places[0]!.split(" ")[0]}" cy="${
      places[0]!.split(" ")[1]
    }" r="3" />`
    : undefined;
  return markup`<path class="c${colour} line${faint ? " faint" : ""}" d="M${places.join("L")}" />${dot}`;
}

/** An invisible band per x for the tooltip, wide enough to point at. */
function bands(lines: readonly Line[], horizontal: Scale, plot: Plot, format: LineChart["format"]): Markup[] {
  const all = [...new Set(lines.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const width = all.length < 2 ? 20 : horizontal.at(all[1]!) - horizontal.at(all[0]!);
  return all.map((x) => {
    const values = lines.flatMap(({ name, points }) => {
      const point = points.find((candidate) => candidate.x === x);
      return point === undefined ? [] : [`${name} ${format(point.y)}`];
    });
    return markup`<rect class="band" x="${round(horizontal.at(x) - width / 2)}" y="${plot.top}" width="${
      round(width)
    }" height="${plot.bottom - plot.top}"><title>${`${x}: ${values.join(", ")}`}</title></rect>`;
  });
}

/** Labels are moved apart where lines end at nearly the same height. */
function endLabels(lines: readonly Line[], horizontal: Scale, vertical: Scale): Markup[] {
  const ends = lines.map(({ name, colour, points }) => {
    const { x, y } = points.at(-1)!;
    return { name, colour, x: horizontal.at(x), y: vertical.at(y) };
  }).sort((a, b) => a.y - b.y);
  const right = Math.max(...ends.map(({ x }) => x));
  for (let i = 1; i < ends.length; i++) {
    const overlap = ends[i - 1]!.y + LABEL_HEIGHT - ends[i]!.y;
    if (overlap <= 0) continue;
    for (let j = 0; j < i; j++) ends[j]!.y -= overlap / 2;
    ends[i]!.y += overlap / 2;
  }
  return ends.map(({ name, colour, y }) =>
    markup`<text class="c${colour} label" x="${round(right + 6)}" y="${round(y + 4)}">${name}</text>`
  );
}
