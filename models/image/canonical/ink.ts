import type { Pixels } from "../format.ts";
import { along, principalDirection } from "./colour.ts";
import { blank, type Plane, type Planes, reduce, resample } from "./plane.ts";

/** Cells across the longer side of the image, and cells each way of the median, for the light of the paper. */
const LIGHT = { cells: 32, reach: 10 };

/** Where the ink is fainter than this difference from the ground, 0 to 1, there is none but noise and rounding. */
const FAINTEST = 0.08;

/**
 * Finds what is drawn, in whatever colour on whatever ground: how far each pixel is from the ground around it.
 *
 * @param pixels Any image.
 * @param side Bounds on the longer side of the result, in pixels.
 * @returns The ink, scaled so that most of it is 1.
 */
export function findInk(pixels: Pixels, side: { min: number; max: number }): Plane {
  const colours = distinct(flatten(reduce(pixels, side.max))).map((plane) => enlarge(plane, side.min));
  const differences = colours.map((plane) => subtract(plane, paper(plane)));
  return scaleInk(project(differences));
}

/** Puts transparent drawings on the lighter or darker ground that shows them; holes of an image are filled with its mean. */
function flatten([red, green, blue, alpha]: Planes): Plane[] {
  const area = alpha.data.length;
  const visible = alpha.data.reduce((sum, opacity) => sum + opacity, 0);
  const means = [red, green, blue].map(({ data }) =>
    data.reduce((sum, value, i) => sum + value * alpha.data[i]!, 0) / Math.max(visible, 1e-6)
  );
  const dark = (means[0]! + means[1]! + means[2]!) / 3 < 0.5;
  return [red, green, blue].map((plane, c) => {
    const ground = visible > area / 2 ? means[c]! : dark ? 1 : 0;
    return { ...plane, data: plane.data.map((value, i) => ground + alpha.data[i]! * (value - ground)) };
  });
}

/** The colours of a grey image are one. */
function distinct(colours: Plane[]): Plane[] {
  const [red, ...others] = colours;
  return others.every(({ data }) => data.every((value, i) => value === red!.data[i])) ? [red!] : colours;
}

function enlarge(plane: Plane, side: number): Plane {
  const factor = Math.ceil(side / Math.max(plane.width, plane.height));
  if (factor === 1) return plane;
  const box = { left: 0, top: 0, width: plane.width, height: plane.height };
  return resample(plane, box, factor * plane.width, factor * plane.height);
}

/** What the plane would be without the drawing: the median around each place, since ink covers less than half. */
function paper(plane: Plane): Plane {
  const scale = Math.min(1, LIGHT.cells / Math.max(plane.width, plane.height));
  const width = Math.max(1, Math.round(plane.width * scale));
  const height = Math.max(1, Math.round(plane.height * scale));
  const cells = resample(plane, { left: 0, top: 0, width: plane.width, height: plane.height }, width, height);
  return resample(medians(cells, LIGHT.reach), { left: 0, top: 0, width, height }, plane.width, plane.height);
}

/**
 * The median around each place, of values of 0 to 1, to 1/255. T. S. Huang, G. J. Yang, G. Y. Tang, "A Fast Two-Dimensional
 * Median Filtering Algorithm", 1979: from place to place only one column comes and one goes.
 */
function medians(plane: Plane, reach: number): Plane {
  const { width, height } = plane;
  const levels = Uint8Array.from(plane.data, (value) => Math.round(255 * value));
  const result = blank(plane);
  for (let y = 0; y < height; y++) {
    const [top, bottom] = [Math.max(0, y - reach), Math.min(height - 1, y + reach)];
    const counts = new Uint16Array(256);
    const count = (column: number, change: 1 | -1) => {
      for (let v = top; v <= bottom; v++) counts[levels[v * width + column]!]! += change;
    };
    for (let column = 0; column < Math.min(reach, width); column++) count(column, 1);
    for (let x = 0; x < width; x++) {
      if (x + reach < width) count(x + reach, 1);
      if (x > reach) count(x - reach - 1, -1);
      const columns = Math.min(width - 1, x + reach) - Math.max(0, x - reach) + 1;
      result.data[y * width + x] = medianOf(counts, columns * (bottom - top + 1)) / 255;
    }
  }
  return result;
}

function medianOf(counts: Uint16Array, total: number): number {
  let rest = total >> 1;
  let level = 0;
  while ((rest -= counts[level]!) >= 0) level++;
  return level;
}

function subtract(a: Plane, b: Plane): Plane {
  return { ...a, data: a.data.map((value, i) => value - b.data[i]!) };
}

/** Along the colour in which drawing and ground differ most, ink positive. */
function project(planes: readonly Plane[]): Plane {
  const [grey, ...others] = planes;
  const data = others.length === 0
    ? grey!.data.map((value) => Math.sqrt(3) * value)
    : along(planes, principalDirection(planes).direction);
  let skewness = 0;
  for (const value of data) skewness += value * value * value;
  return { ...planes[0]!, data: skewness < 0 ? data.map((value) => -value) : data };
}

/** The level of the ink is the mean of all values weighted by their energy, so that noise hardly counts. */
function scaleInk(plane: Plane): Plane {
  let [energy, moment] = [0, 0];
  for (const value of plane.data) {
    if (value <= 0) continue;
    energy += value * value;
    moment += value * value * value;
  }
  const level = Math.max(FAINTEST, energy > 0 ? moment / energy : 0);
  return { ...plane, data: plane.data.map((value) => Math.min(1, Math.max(0, value / level))) };
}
