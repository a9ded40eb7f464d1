/**
 * Finds the threshold below which a share of scores lies.
 *
 * @param scores Of images of the model's classes, at least one.
 * @param share How many of them may be lower, 0 to below 1; rounded down to a number of images.
 *
 * @example
 * ```ts
 * import { thresholdAt } from "./threshold.ts";
 * console.log(thresholdAt([5, 1, 4, 2, 3], 0.4)); // 3: two of five are lower
 * ```
 */
export function thresholdAt(scores: ArrayLike<number>, share: number): number {
  return Float64Array.from(scores).sort()[Math.floor(share * scores.length)]!;
}
