import type { Plane, Planes } from "./plane.ts";

/** A colour of OKLab: lightness 0 to 1, green to red, blue to yellow. Equal distances look equally far. */
export type Lab = readonly [lightness: Plane, a: Plane, b: Plane];

/**
 * Converts sRGB. B. Ottosson, "A perceptual color space for image processing", 2020,
 * https://bottosson.github.io/posts/oklab/.
 *
 * @param planes sRGB, 0 to 1.
 * @returns OKLab.
 */
export function toLab([red, green, blue]: Planes): Lab {
  const lab = [0, 1, 2].map(() => ({ ...red, data: new Float32Array(red.data.length) })) as unknown as Lab;
  for (let i = 0; i < red.data.length; i++) {
    const [r, g, b] = [linear(red.data[i]!), linear(green.data[i]!), linear(blue.data[i]!)];
    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    lab[0].data[i] = 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s;
    lab[1].data[i] = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
    lab[2].data[i] = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  }
  return lab;
}

/** Of 0 to 1 in 1024 steps: between 8 bits and what averaging leaves, and much faster than powers. */
const LINEAR = Float64Array.from({ length: 1025 }, (_, i) => {
  const value = i / 1024;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

function linear(value: number): number {
  return LINEAR[Math.round(1024 * value)]!;
}

/**
 * Finds the colour in which planes of differences vary most: the first principal component through zero.
 *
 * @param planes Differences of red, green and blue from a ground.
 * @returns A direction of length 1, and which share of the squares lies along it.
 */
export function principalDirection(planes: readonly Plane[]): { direction: number[]; share: number } {
  const products = planes.map((a) => planes.map((b) => dot(a.data, b.data)));
  let direction = planes.map(() => 1 / Math.sqrt(planes.length));
  let along = 0;
  for (let i = 0; i < 20; i++) {
    const next = products.map((row) => row.reduce((sum, value, c) => sum + value * direction[c]!, 0));
    along = Math.hypot(...next);
    if (along === 0) return { direction, share: 1 };
    direction = next.map((value) => value / along);
  }
  return { direction, share: along / products.reduce((sum, row, c) => sum + row[c]!, 0) };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * @param planes Any.
 * @param direction A number for each.
 * @returns Their sum, each times its number.
 */
export function along(planes: readonly Plane[], direction: readonly number[]): Float32Array {
  const sum = new Float32Array(planes[0]!.data.length);
  planes.forEach(({ data }, c) => {
    const factor = direction[c]!;
    for (let i = 0; i < sum.length; i++) sum[i]! += factor * data[i]!;
  });
  return sum;
}
