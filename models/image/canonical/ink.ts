import type { Pixels } from "../format.ts";
import { blank, type Plane, type Planes, reduce, resample } from "./plane.ts";

/** Cells across the longer side of the image, and cells each way of the median, for the light of the paper. */
const LIGHT = { cells: 32, reach: 10 };

/**
 * Finds what is drawn, in whatever colour on whatever ground: how far each pixel is from the ground around it.
 *
 * @param pixels Any image.
 * @param side Bounds on the longer side of the result, in pixels.
 * @returns The ink, scaled so that most of it is 1.
 */
export function findInk(pixels: Pixels, side: { min: number; max: number }): Plane {
  const colours = flatten(reduce(pixels, side.max)).map((plane) => enlarge(plane, side.min));
  const differences = colours.map((plane) => subtract(plane, paper(plane)));
  return scaleInk(project(differences));
}

/** Puts transparent drawings on the lighter or darker ground that shows them; holes of a picture are filled with its mean. */
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
  const medians = blank(cells);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) medians.data[y * width + x] = medianAround(cells, x, y, LIGHT.reach);
  }
  return resample(medians, { left: 0, top: 0, width, height }, plane.width, plane.height);
}

function medianAround({ width, height, data }: Plane, x: number, y: number, reach: number): number {
  const values: number[] = [];
  for (let v = Math.max(0, y - reach); v <= Math.min(height - 1, y + reach); v++) {
    for (let u = Math.max(0, x - reach); u <= Math.min(width - 1, x + reach); u++) {
      values.push(data[v * width + u]!);
    }
  }
  return Float32Array.from(values).sort()[values.length >> 1]!;
}

function subtract(a: Plane, b: Plane): Plane {
  return { ...a, data: a.data.map((value, i) => value - b.data[i]!) };
}

/** Along the colour in which drawing and ground differ most (the first principal component), ink positive. */
function project(planes: readonly Plane[]): Plane {
  const direction = principalDirection(planes);
  const data = new Float32Array(planes[0]!.data.length);
  planes.forEach((plane, c) => plane.data.forEach((value, i) => data[i]! += direction[c]! * value));
  const skewness = data.reduce((sum, value) => sum + value ** 3, 0);
  return { ...planes[0]!, data: skewness < 0 ? data.map((value) => -value) : data };
}

function principalDirection(planes: readonly Plane[]): number[] {
  const products = planes.map((a) =>
    planes.map((b) => a.data.reduce((sum, value, i) => sum + value * b.data[i]!, 0))
  );
  let direction = [1, 1, 1];
  for (let i = 0; i < 20; i++) {
    const next = products.map((row) => row.reduce((sum, value, c) => sum + value * direction[c]!, 0));
    const length = Math.hypot(...next);
    if (length === 0) return direction;
    direction = next.map((value) => value / length);
  }
  return direction;
}

/** The level of the ink is the mean of all values weighted by their energy, so that noise hardly counts. */
function scaleInk(plane: Plane): Plane {
  let [energy, moment] = [0, 0];
  for (const value of plane.data) {
    if (value <= 0) continue;
    energy += value ** 2;
    moment += value ** 3;
  }
  const level = energy > 0 ? moment / energy : 1;
  return { ...plane, data: plane.data.map((value) => Math.min(1, Math.max(0, value / level))) };
}
