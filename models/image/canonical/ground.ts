import type { Pixels } from "../format.ts";
import { type Lab, toLab } from "./colour.ts";
import type { Observer } from "./form.ts";
import { type Box, boxOf, findComponents, type Plane, reduce } from "./plane.ts";

/** Distances in OKLab: minimum and maximum of what still is the ground; 0.02 is just noticeable. */
const TOLERANCE = { min: 0.025, max: 0.04 };

/** Where the ground is plain: share of the border that has one colour, and the maximum median distance from it; noise of a camera is more. */
const PLAIN = { share: 0.6, spread: 0.012 };

/**
 * Finds the ground where it is plain: what hangs together with the border and has its colour.
 *
 * @param lab The image.
 * @returns 1 on what is not the ground; or undefined where the border has no one colour.
 */
export function outsideGround(lab: Lab): Uint8Array | undefined {
  const { width, height } = lab[0];
  const border = borderOf(width, height);
  const colour = lab.map(({ data }) => median(border.map((i) => data[i]!)));
  const [l, a, b] = lab.map(({ data }) => data) as [Float32Array, Float32Array, Float32Array];
  const far = (i: number) => Math.hypot(l[i]! - colour[0]!, a[i]! - colour[1]!, b[i]! - colour[2]!);
  const spread = median(border.map(far));
  if (spread > PLAIN.spread) return undefined;
  const tolerance = Math.min(TOLERANCE.max, Math.max(TOLERANCE.min, 3 * spread));
  if (border.filter((i) => far(i) <= tolerance).length < PLAIN.share * border.length) return undefined;
  const outside = new Uint8Array(width * height).fill(1);
  const stack = border.filter((i) => far(i) <= tolerance);
  for (const i of stack) outside[i] = 0;
  while (stack.length > 0) {
    const at = stack.pop()!;
    const x = at % width;
    for (const next of [x > 0 ? at - 1 : at, x < width - 1 ? at + 1 : at, at - width, at + width]) {
      if (outside[next] !== 1 || far(next) > tolerance) continue;
      outside[next] = 0;
      stack.push(next);
    }
  }
  return outside;
}

function borderOf(width: number, height: number): number[] {
  const border: number[] = [];
  for (let x = 0; x < width; x++) border.push(x, (height - 1) * width + x);
  for (let y = 1; y < height - 1; y++) border.push(y * width, y * width + width - 1);
  return border;
}

function median(values: readonly number[]): number {
  return Float32Array.from(values).sort()[values.length >> 1]!;
}

/** Longer side of what a card is looked for in, in pixels. */
const SEARCH_SIDE = 96;

/**
 * Cuts out the card, sheet or frame on which the image lies, if there is one: a filled upright rectangle on a plain ground,
 * with something on it.
 *
 * @param pixels Any image.
 * @param observe Is shown the card, if there is one.
 * @returns The card, or the same image.
 */
export function cutOutCard(pixels: Pixels, observe?: Observer): Pixels {
  if (pixels.channels === 4 || Math.min(pixels.width, pixels.height) < 32) return pixels;
  const lab = toLab(reduce(pixels, SEARCH_SIDE));
  const inside = outsideGround(lab);
  if (inside === undefined) return pixels;
  const box = boxOf({ ...lab[0], data: new Float32Array(inside) });
  if (box === undefined || !isCard(box, inside, lab)) return pixels;
  const card = crop(pixels, box, pixels.width / lab[0].width);
  observe?.("card", card);
  return card;
}

/** A stroke can fill its box too, but has nothing on it. */
function isCard(box: Box, inside: Uint8Array, lab: Lab): boolean {
  const area = box.width * box.height;
  const filled = inside.reduce((sum, value) => sum + value, 0);
  if (filled < 0.97 * area || Math.min(box.width, box.height) < 12) return false;
  const inner = { left: box.left + 2, top: box.top + 2, width: box.width - 4, height: box.height - 4 };
  const cut = lab.map((plane) => cropPlane(plane, inner)) as unknown as Lab;
  const shown = outsideGround(cut)?.reduce((sum, value) => sum + value, 0);
  return shown !== undefined && shown > 0.02 * inner.width * inner.height;
}

function cropPlane({ width, data }: Plane, box: Box): Plane {
  const result = new Float32Array(box.width * box.height);
  for (let y = 0; y < box.height; y++) {
    const start = (box.top + y) * width + box.left;
    result.set(data.subarray(start, start + box.width), y * box.width);
  }
  return { width: box.width, height: box.height, data: result };
}

/** Without the outermost pixels of the box, which are partly the ground's. */
function crop({ width, height, channels, data }: Pixels, box: Box, scale: number): Pixels {
  const margin = scale > 1 ? 0.75 : 0;
  const left = Math.ceil((box.left + margin) * scale);
  const top = Math.ceil((box.top + margin) * scale);
  const columns = Math.min(width, Math.floor((box.left + box.width - margin) * scale)) - left;
  const rows = Math.min(height, Math.floor((box.top + box.height - margin) * scale)) - top;
  const result = new Uint8Array(columns * rows * channels);
  for (let y = 0; y < rows; y++) {
    const start = ((top + y) * width + left) * channels;
    result.set(data.subarray(start, start + columns * channels), y * columns * channels);
  }
  return { width: columns, height: rows, channels, data: result };
}

/**
 * Drops specks: of what hangs together, keeps the largest and whatever is not much smaller, as the second of a pair of shoes.
 *
 * @param inside The mask.
 * @param plane What it is a mask of.
 * @param share Of the largest's area.
 * @returns The mask without the rest.
 */
export function dropSpecks(inside: Uint8Array, plane: Plane, share: number): Uint8Array {
  const { labels, components } = findComponents(inside, plane);
  const largest = Math.max(0, ...components.map(({ area }) => area));
  const kept = components.map(({ area }) => area >= share * largest ? 1 : 0);
  return inside.map((_, i) => kept[labels[i]! - 1] ?? 0);
}

/**
 * Fills the holes of a mask.
 *
 * @param inside The mask.
 * @param plane What it is a mask of.
 * @returns The mask with whatever it encloses.
 */
export function fillHoles(inside: Uint8Array, plane: Plane): Uint8Array {
  const { labels, components } = findComponents(inside.map((value) => 1 - value), plane);
  const enclosed = components.map(({ box: { left, top, width, height } }) =>
    left > 0 && top > 0 && left + width < plane.width && top + height < plane.height ? 1 : 0
  );
  return inside.map((_, i) => enclosed[labels[i]! - 1] ?? 1);
}
