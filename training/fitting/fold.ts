import { EPSILON } from "./operations.ts";
import type { Moments } from "./operations.ts";
import type { Parameter } from "./parameters.ts";

/**
 * Folds the batch normalisations of a network into the kernels before them and the biases after them.
 *
 * @param parameters From `listParameters`.
 * @param numbers All trained parameters.
 * @param moments One per batch normalisation, first to last.
 * @param logitScale Factor of the logits; it is folded into the last layer.
 * @returns Parameters with which the network has the same outputs without normalisation and scale.
 */
export function foldBatchNorm(
  parameters: readonly Parameter[],
  numbers: Float32Array,
  moments: readonly Moments[],
  logitScale: number,
): Float32Array {
  const folded = numbers.slice();
  const biases = parameters.filter(({ normalised }) => normalised);
  biases.forEach((bias, i) => {
    const kernel = parameters[parameters.indexOf(bias) - 1]!;
    const { mean, variance } = moments[i]!;
    const scale = variance.map((value) => 1 / Math.sqrt(value + EPSILON));
    const filters = scale.length;
    for (let k = kernel.start; k < kernel.end; k++) folded[k]! *= scale[(k - kernel.start) % filters]!;
    for (let f = 0; f < filters; f++) folded[bias.start + f]! -= mean[f]! * scale[f]!;
  });
  const lastLayer = parameters.at(-1)!.layer;
  for (const { layer, start, end } of parameters) {
    if (layer === lastLayer) {
      folded.subarray(start, end).forEach((value, i) => folded[start + i] = value * logitScale);
    }
  }
  return folded;
}

/**
 * Averages moments over shards: the mean of the means, and the mean of the variances.
 *
 * @param shards For each shard the moments of each batch normalisation.
 * @returns One per batch normalisation.
 */
export function averageMoments(shards: readonly (readonly Moments[])[]): Moments[] {
  return shards[0]!.map((_, layer) => ({
    mean: average(shards.map((shard) => shard[layer]!.mean)),
    variance: average(shards.map((shard) => shard[layer]!.variance)),
  }));
}

function average(vectors: readonly Float32Array[]): Float32Array {
  return vectors[0]!.map((_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length);
}
