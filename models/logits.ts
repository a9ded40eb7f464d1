/**
 * From logits, the numbers before the softmax, to probabilities, predictions and losses.
 *
 * @module
 */

/** One class with its probability. */
export interface Score {
  /** Position in the manifest's labels, from 0. */
  readonly index: number;
  /** The class. */
  readonly label: string;
  /** 0 to 1; the confidences of all classes add up to 1. */
  readonly confidence: number;
}

/**
 * Finds the most probable classes.
 *
 * @param logits One number per label.
 * @param labels The classes, in the same order.
 * @param temperature Divides the logits (> 0): a higher one makes the confidences more alike. See Guo et al.,
 * On Calibration of Modern Neural Networks, 2017.
 * @param count How many classes are returned.
 * @returns In descending order; among equals the one with the lower index is first.
 */
export function topScores(
  logits: Float32Array,
  labels: readonly string[],
  temperature: number,
  count: number,
): Score[] {
  const [max, sum] = [maxOf(logits), sumOfExponentials(logits, temperature)];
  // By the logits: the probabilities of very unlikely classes are all 0.
  return largestOf(logits, count).map((index) => ({
    index,
    label: labels[index] ?? "",
    confidence: Math.exp((logits[index]! - max) / temperature) / sum,
  }));
}

/** Positions of the largest numbers, in descending order; among equals the lower position is first. */
function largestOf(numbers: Float32Array, count: number): number[] {
  const found: number[] = [];
  for (let index = 0; index < numbers.length; index++) {
    let at = Math.min(found.length, count);
    while (at > 0 && numbers[index]! > numbers[found[at - 1]!]!) at--;
    if (at < count) found.splice(at, 0, index);
    if (found.length > count) found.pop();
  }
  return found;
}

/**
 * Turns one row of logits into probabilities.
 *
 * @param row At least one number.
 * @param temperature Divides the logits (> 0).
 * @returns As many numbers; they add up to 1.
 */
export function softmax(row: Float32Array, temperature: number): Float64Array {
  const max = maxOf(row);
  const sum = sumOfExponentials(row, temperature);
  const probabilities = new Float64Array(row.length);
  for (let i = 0; i < row.length; i++) probabilities[i] = Math.exp((row[i]! - max) / temperature) / sum;
  return probabilities;
}

/**
 * Sums exp((logit − largest logit) / temperature), which never overflows.
 *
 * @param row At least one number.
 * @param temperature Divides the logits (> 0).
 * @returns At least 1: its reciprocal is the largest probability of the softmax.
 */
export function sumOfExponentials(row: Float32Array, temperature: number): number {
  const max = maxOf(row);
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp((row[i]! - max) / temperature);
  return sum;
}

/**
 * Measures how much probability the right classes have.
 *
 * @param logits One row per image.
 * @param labels The class of each image.
 * @param temperature Divides the logits (> 0).
 * @returns Mean cross-entropy (negative log-likelihood) in nats.
 */
export function crossEntropy(logits: Float32Array, labels: ArrayLike<number>, temperature: number): number {
  const losses = rowsOf(logits, labels.length).map((row, i) =>
    Math.log(sumOfExponentials(row, temperature)) - (row[labels[i]!]! - maxOf(row)) / temperature
  );
  return losses.reduce((a, b) => a + b, 0) / labels.length;
}

/**
 * Finds the predicted class.
 *
 * @param row Logits or probabilities, at least one.
 * @returns Index of the largest number, the lowest among equals; -1 if one is NaN.
 */
export function argmax(row: Float32Array | Float64Array): number {
  return row.indexOf(maxOf(row));
}

/**
 * Counts the correct predictions.
 *
 * @param logits One row per image.
 * @param labels The class of each image.
 */
export function correctPredictions(logits: Float32Array, labels: ArrayLike<number>): number {
  return rowsOf(logits, labels.length).filter((row, i) => argmax(row) === labels[i]).length;
}

/**
 * Cuts logits or probabilities into rows.
 *
 * @param numbers Row after row.
 * @param count Number of rows; divides the length.
 * @returns Views.
 */
export function rowsOf<T extends Float32Array | Float64Array>(numbers: T, count: number): T[] {
  const length = numbers.length / count;
  return Array.from({ length: count }, (_, i) => numbers.subarray(i * length, (i + 1) * length) as T);
}

/** The largest number of a row; NaN if one is NaN. */
export function maxOf(row: Float32Array | Float64Array): number {
  let max = -Infinity;
  for (let i = 0; i < row.length; i++) max = Math.max(max, row[i]!);
  return max;
}
