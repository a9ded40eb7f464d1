import { markup } from "./markup.ts";
import type { Markup, Part } from "./markup.ts";
import type { Scale } from "./scale.ts";

/** Size of a picture and edges of the plot in it, in the units of its viewBox. */
export interface Plot {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Texts of an axis. */
export interface AxisText {
  /** The quantity, with its unit. */
  readonly title: string;
  /** Formats a tick. @default {the number with the digits that it needs} */
  readonly format?: (tick: number) => string;
}

/**
 * Estimates the width of a text in the widest of the usual fonts.
 *
 * @param text One line.
 * @param size Of the font.
 * @returns In the unit of the size; the text may be narrower, but never much wider.
 */
export function textWidth(text: string, size = 12.5): number {
  return 0.58 * size * [...text].length;
}

/**
 * Wraps a drawing into a picture that fills the width of its container.
 *
 * @param plot Its size.
 * @param label A description for screen readers.
 * @param content The drawing.
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
 * @param plot Where to draw.
 * @param text Its texts.
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
 * Draws the vertical axis: a thin line across the plot at each tick, and the title above, where it need not
 * be rotated.
 *
 * @param scale From the bottom to the top.
 * @param plot Where to draw.
 * @param text Its texts.
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
 * Rounds a coordinate to one decimal, to keep the file small.
 *
 * @param value Any number.
 */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
