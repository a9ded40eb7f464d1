/**
 * Finds the temperature with which the mean confidence is the share of right answers on images that were not learnt from
 * (Clarté et al., Expectation consistency for calibration of neural networks, 2023). The lowest cross-entropy (Guo et al., On
 * Calibration of Modern Neural Networks, 2017) leaves answers too sure after smoothed labels: few that are wrong and sure weigh
 * most in it.
 *
 * @param logits One row for each image.
 * @param labels The class of each image.
 * @returns The temperature, from 0.25 to 4 in steps of 0.01. Where all of few answers are right it does not make them certain:
 * one right and one wrong answer are counted besides.
 */
export function fitTemperature(logits: Float32Array, labels: ArrayLike<number>): number {
  const rows = rowsOf(logits, labels.length);
  const right = rows.filter((row, i) => row[labels[i]!] === largestOf(row)).length;
  const wanted = (right + 1) / (rows.length + 2);
  let best = { temperature: 1, error: Infinity };
  for (let percent = 25; percent <= 400; percent++) {
    const temperature = percent / 100;
    const error = Math.abs(meanConfidence(rows, temperature) - wanted);
    if (error < best.error) best = { temperature, error };
  }
  return best.temperature;
}

function rowsOf(logits: Float32Array, count: number): Float32Array[] {
  const classes = logits.length / count;
  return Array.from({ length: count }, (_, i) => logits.subarray(i * classes, (i + 1) * classes));
}

function largestOf(row: Float32Array): number {
  return row.reduce((a, b) => Math.max(a, b));
}

function meanConfidence(rows: readonly Float32Array[], temperature: number): number {
  const sum = rows.reduce((sum, row) => sum + 1 / sumOfExponentials(row, temperature), 0);
  return sum / rows.length;
}

/** Relative to the largest: its reciprocal is the largest share of the softmax. */
function sumOfExponentials(row: Float32Array, temperature: number): number {
  const largest = largestOf(row);
  return row.reduce((sum, logit) => sum + Math.exp((logit - largest) / temperature), 0);
}

/**
 * Measures how truthful the confidences are.
 *
 * @param logits One row for each image.
 * @param labels The class of each image.
 * @param temperature Divides the logits.
 * @returns Mean cross-entropy in nats.
 */
export function crossEntropy(logits: Float32Array, labels: ArrayLike<number>, temperature: number): number {
  const losses = rowsOf(logits, labels.length).map((row, i) =>
    Math.log(sumOfExponentials(row, temperature)) - (row[labels[i]!]! - largestOf(row)) / temperature
  );
  return losses.reduce((a, b) => a + b, 0) / labels.length;
}
