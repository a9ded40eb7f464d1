/**
 * The population stability index of two distributions over the same bins: 0 for equal ones; above 0.1 they differ,
 * above 0.25 they differ much. Half a count is added to each bin, so that an empty one does not make it infinite.
 *
 * @param reference Counts of the reference.
 * @param observed Counts of what is compared with it.
 *
 * @example
 * ```ts
 * import { populationStability } from "./population_stability.ts";
 * if (populationStability([100, 100], [10, 10]) > 0.001) throw new Error("unexpected");
 * if (populationStability([100, 100], [10, 90]) < 0.25) throw new Error("unexpected");
 * ```
 */
export function populationStability(reference: readonly number[], observed: readonly number[]): number {
  const [expected, actual] = [shares(reference), shares(observed)];
  return expected.reduce((sum, share, i) => sum + (actual[i]! - share) * Math.log(actual[i]! / share), 0);
}

function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count + 0.5, 0);
  return counts.map((count) => (count + 0.5) / total);
}
