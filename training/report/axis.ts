import { markup } from "./markup.ts";
import type { Markup, Part } from "./markup.ts";
import type { Scale } from "./scale.ts";

/** Where in a picture the numbers are drawn; in the units of its viewBox. */
export interface Plot {
  /** Width of the whole picture. */
  readonly width: number;
  /** Height of the whole picture. */
  readonly height: number;
  /** Where the plot begins. */
  readonly left: number;
  /** Where it ends. */
  readonly right: number;
  /** Where it begins. */
  readonly top: number;
  /** Where it ends. */
  readonly bottom: number;
}

/** What an axis says. */
export interface AxisText {
  /** What is shown, with its unit. */
  readonly title: string;
  /** Writes a tick. @default {the number with the digits that it needs} */
  readonly format?: (tick: number) => string;
}

/**
 * The letters of the widest of the usual fonts; a text may be narrower, never much wider.
 *
 * @param text One line.
 * @param size Of the font.
 * @returns About how wide it is, in the same unit.
 */
export function textWidth(text: string, size = 12.5): number {
  return 0.58 * size * [...text].length;
}

/**
 * Wraps a drawing into a picture that is as wide as its place and says what it is.
 *
 * @param plot Its size.
 * @param label What it shows, for those who can't see it.
 * @param content What is drawn.
 * @returns An `svg` element.
 */
export function picture(
  { width, height }: Pick<Plot, "width" | "height">,
  label: string,
  content: Part,
): Markup {
  return markup`<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${label}" viewBox="0 0 ${
    round(width)
  } ${round(height)}" style="--width:${round(width)}">${content}</svg>`;
}

/**
 * Draws the horizontal axis: a line, ticks below it, its title below them.
 *
 * @param scale From left to right.
 * @param plot Where.
 * @param text What it says.
 * @returns Drawn.
 */
export function bottomAxis(scale: Scale, plot: Plot, { title, format }: AxisText): Markup {
  const write = format ?? ((tick: number) => tick.toFixed(scale.digits));
  const ticks = scale.ticks.map((tick) =>
    markup`<text class="tick" x="${round(scale.at(tick))}" y="${plot.bottom + 16}" text-anchor="middle">${
      write(tick)
    }</text>`
  );
  return markup`<path class="axis" d="M${plot.left} ${plot.bottom}H${plot.right}" />${ticks}<text class="title" x="${
    round((plot.left + plot.right) / 2)
  }" y="${plot.bottom + 34}" text-anchor="middle">${title}</text>`;
}

/**
 * Draws the vertical axis: a thin line across the plot at each tick, the title above, so that nobody must turn their head.
 *
 * @param scale From the bottom to the top.
 * @param plot Where.
 * @param text What it says.
 * @returns Drawn.
 */
export function leftAxis(scale: Scale, plot: Plot, { title, format }: AxisText): Markup {
  const write = format ?? ((tick: number) => tick.toFixed(scale.digits));
  const ticks = scale.ticks.map((tick) => {
    const y = round(scale.at(tick));
    return markup`<path class="grid" d="M${plot.left} ${y}H${plot.right}" /><text class="tick" x="${
      plot.left - 6
    }" y="${y + 4}" text-anchor="end">${write(tick)}</text>`;
  });
  return markup`${ticks}<text class="title" x="0" y="${plot.top - 12}">${title}</text>`;
}

/**
 * Rounds a coordinate, so that the file stays small.
 *
 * @param value Any number.
 * @returns With one digit after the point.
 */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
