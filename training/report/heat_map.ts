import { picture, round, textWidth } from "./axis.ts";
import { count, percent } from "./format.ts";
import { markup } from "./markup.ts";
import type { Markup } from "./markup.ts";
import { classMetrics } from "./metrics.ts";

/** With more classes the cells are too small for numbers and names; they only have colours and tooltips. */
export const MAX_NUMBERED_CLASSES = 100;

/** With more classes a picture of all of them is unreadable. */
export const MAX_DRAWN_CLASSES = 200;

/** Content of a heat map. */
export interface HeatMap {
  /** A description for screen readers. */
  readonly label: string;
  /** The classes, in order. */
  readonly classes: readonly string[];
  /** Row the true class, column the predicted one. */
  readonly counts: Uint32Array;
}

interface Layout {
  readonly cell: number;
  readonly left: number;
  readonly top: number;
  readonly numbered: boolean;
  /** Whether the names of the columns are short enough for horizontal text. */
  readonly upright: boolean;
}

const MAX_NAME = 16;
const NAME_SIZE = 12.5;
const MIN_CELL = 30;
const MAX_CELL = 56;
const SLOPE = Math.SQRT1_2;

/**
 * Draws a confusion matrix. The diagonal and the mistakes have different colours with separate scales,
 * because the mistakes of a good classifier would be invisible on a common scale.
 *
 * @param map Its content; at most {@linkcode MAX_DRAWN_CLASSES} classes.
 * @returns An `svg` element.
 */
export function heatMap({ label, classes, counts }: HeatMap): Markup {
  const layout = layOut(classes, counts);
  const { cell, left, top, numbered, upright } = layout;
  const side = cell * classes.length;
  const overhang = numbered && !upright
    ? SLOPE * textWidth(shorten(classes.at(-1)!), NAME_SIZE) - cell / 2
    : 0;
  const size = { width: left + side + Math.max(overhang, 4), height: top + side + 4 };
  return picture(size, label, [
    markup`<text class="title" x="${left}" y="14">predicted class</text><text class="title" x="14" y="${
      round(top + side / 2)
    }" transform="rotate(-90 14 ${round(top + side / 2)})" text-anchor="middle">true class</text>`,
    markup`<rect class="ground" x="${left}" y="${top}" width="${side}" height="${side}" />`,
    numbered ? names(classes, layout) : undefined,
    cells(classes, counts, layout),
    numbered ? mesh(classes.length, layout) : undefined,
  ]);
}

function layOut(classes: readonly string[], counts: Uint32Array): Layout {
  const numbered = classes.length <= MAX_NUMBERED_CLASSES;
  const max = counts.reduce((a, b) => Math.max(a, b), 0);
  const wide = Math.min(MAX_CELL, 240 / classes.length);
  const cell = numbered ? Math.ceil(Math.max(MIN_CELL, wide, textWidth(count(max)) + 10)) : 6;
  const longest = Math.max(...classes.map((name) => textWidth(shorten(name), NAME_SIZE)));
  const upright = longest <= cell;
  const height = upright ? NAME_SIZE + 4 : SLOPE * longest + 14;
  return {
    cell,
    numbered,
    upright,
    left: numbered ? Math.ceil(30 + longest) : 24,
    top: numbered ? Math.ceil(22 + height) : 22,
  };
}

/** Gaps between all cells, including empty ones. */
function mesh(classes: number, { cell, left, top }: Layout): Markup {
  const side = classes * cell;
  const lines = Array.from(
    { length: classes + 1 },
    (_, i) => `M${left} ${top + i * cell}h${side}M${left + i * cell} ${top}v${side}`,
  );
  return markup`<path class="mesh" d="${lines.join("")}" />`;
}

function names(classes: readonly string[], { cell, left, top, upright }: Layout): Markup[] {
  return classes.map((name, i) => {
    const middle = round((i + 0.5) * cell);
    const [x, y] = [left + middle, top - 7];
    const turned = upright ? markup`text-anchor="middle"` : markup`transform="rotate(-45 ${x} ${y})"`;
    return markup`<text class="name" x="${left - 7}" y="${
      top + middle + 4
    }" text-anchor="end"><title>${name}</title>${
      shorten(name)
    }</text><text class="name" x="${x}" y="${y}" ${turned}><title>${name}</title>${shorten(name)}</text>`;
  });
}

function cells(classes: readonly string[], counts: Uint32Array, layout: Layout): Markup[] {
  const support = classMetrics(counts, classes.length).map((metrics) => metrics.support);
  const shares = Array.from(
    counts,
    (times, i) => times / Math.max(support[Math.floor(i / classes.length)]!, 1),
  );
  const worst = shares.reduce((a, b, i) => i % (classes.length + 1) === 0 ? a : Math.max(a, b), 0);
  const drawn: Markup[] = [];
  counts.forEach((times, i) => {
    if (times === 0) return;
    const [row, column] = [Math.floor(i / classes.length), i % classes.length];
    const share = shares[i]!;
    const strength = row === column ? 0.12 + 0.5 * share : 0.06 + 0.74 * Math.sqrt(share / worst);
    const prediction = row === column ? "classified correctly" : `classified as ${classes[column]}`;
    const title = `${classes[row]} ${prediction}: ${count(times)} of ${count(support[row]!)} (${
      percent(share)
    })`;
    drawn.push(drawCell(row, column, layout, strength, title, times));
  });
  return drawn;
}

function drawCell(
  row: number,
  column: number,
  { cell, left, top, numbered }: Layout,
  strength: number,
  title: string,
  times: number,
): Markup {
  const [x, y] = [left + column * cell, top + row * cell];
  const number = markup`<text class="number" x="${x + cell / 2}" y="${
    y + cell / 2 + 4
  }" text-anchor="middle">${count(times)}</text>`;
  return markup`<g class="${
    row === column ? "right" : "wrong"
  }"><title>${title}</title><rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill-opacity="${
    strength.toFixed(2)
  }" />${numbered ? number : undefined}</g>`;
}

/** Keeps both ends: names with the same beginning often have different ends. */
function shorten(name: string): string {
  const characters = [...name];
  if (characters.length <= MAX_NAME) return name;
  return `${characters.slice(0, MAX_NAME / 2).join("")}…${characters.slice(1 - MAX_NAME / 2).join("")}`;
}
