import { EPSILON, type Moments } from "./operations.ts";
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
  scaleLastLayer(parameters, folded, logitScale);
  return folded;
}

/**
 * Takes the scale of the logits out of the last layer.
 *
 * @param parameters From `listParameters`.
 * @param folded From {@linkcode foldBatchNorm}.
 * @param logitScale Factor of the logits in training.
 * @returns A copy.
 */
export function unfoldScale(
  parameters: readonly Parameter[],
  folded: Float32Array,
  logitScale: number,
): Float32Array {
  const numbers = folded.slice();
  scaleLastLayer(parameters, numbers, 1 / logitScale);
  return numbers;
}

/**
 * Takes the mean of a batch normalisation out of the bias after it. The kernel before it keeps the scale, which
 * the normalisation cancels.
 *
 * @param bias The normalised bias.
 * @param numbers All parameters; modified.
 * @param moments Of the outputs of the kernel.
 */
export function unfoldBias(
  { start, end }: Parameter,
  numbers: Float32Array,
  { mean, variance }: Moments,
): void {
  for (let i = start; i < end; i++) {
    numbers[i]! += mean[i - start]! / Math.sqrt(variance[i - start]! + EPSILON);
  }
}

function scaleLastLayer(parameters: readonly Parameter[], numbers: Float32Array, factor: number): void {
  const lastLayer = parameters.at(-1)!.layer;
  for (const { layer, start, end } of parameters) {
    if (layer !== lastLayer) continue;
    for (let i = start; i < end; i++) numbers[i]! *= factor;
  }
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
