import type { Pixels } from "../../../models/image/format.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";

/**
 * Asserts that two grey images show about the same: their cosine once both are blurred by a pixel. It does not depend on brightness.
 *
 * @param min 1 is the same.
 */
export function assertAlike(actual: Pixels, wanted: Pixels, min: number, what: string): void {
  assertEquals([actual.width, actual.height], [wanted.width, wanted.height], what);
  const [a, b] = [actual, wanted].map(blurred);
  const dot = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  const cosine = dot(a!, b!) / Math.sqrt(dot(a!, a!) * dot(b!, b!));
  assert(cosine >= min, `${what}: ${cosine.toFixed(3)} alike, expected ${min} at least`);
}

/** Sums over 3×3 pixels. */
function blurred({ width, height, channels, data }: Pixels): number[] {
  const at = (x: number, y: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : data[(y * width + x) * channels]!;
  return Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return [-1, 0, 1].reduce((sum, v) => sum + at(x - 1, y + v) + at(x, y + v) + at(x + 1, y + v), 0);
  });
}
