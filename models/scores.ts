/** One class with its share of the probability. */
export interface Score {
  /** Position in the manifest's labels, from 0. */
  readonly index: number;
  /** The class. */
  readonly label: string;
  /** 0 to 1; over all classes they add up to 1. */
  readonly confidence: number;
}

/**
 * Turns logits into the likeliest classes.
 *
 * @param logits One number for each label.
 * @param labels The classes, in the same order.
 * @param temperature Divides the logits (> 0): a higher one makes the confidences more alike. See Guo et al., On
 * Calibration of Modern Neural Networks, 2017.
 * @param count How many classes are wanted.
 * @returns The `count` likeliest in descending order; among equals the one with the lower index is first.
 */
export function topScores(
  logits: Float32Array,
  labels: readonly string[],
  temperature: number,
  count: number,
): Score[] {
  const shares = softmax(logits, temperature);
  return ranking(logits, count).map((index) => ({
    index,
    label: labels[index] ?? "",
    confidence: shares[index] ?? 0,
  }));
}

/** The largest logit is subtracted first, so that no exponential overflows. */
function softmax(logits: Float32Array, temperature: number): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const shares = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / sum);
}

/** By the logits, since the shares of very unlikely classes are all 0. */
function ranking(logits: Float32Array, count: number): number[] {
  const indices = Array.from(logits.keys());
  return indices.sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, count);
}
