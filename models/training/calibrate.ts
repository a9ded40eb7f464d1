/**
 * Finds the temperature with which the confidences are most truthful: the one with the lowest cross-entropy on images that
 * were not learnt from (Guo et al., On Calibration of Modern Neural Networks, 2017).
 *
 * @param logits One row for each image.
 * @param labels The class of each image.
 * @returns The temperature, from 0.25 to 4 in steps of 0.01.
 */
export function fitTemperature(logits: Float32Array, labels: ArrayLike<number>): number {
  let best = { temperature: 1, loss: Infinity };
  for (let percent = 25; percent <= 400; percent++) {
    const temperature = percent / 100;
    const loss = crossEntropy(logits, labels, temperature);
    if (loss < best.loss) best = { temperature, loss };
  }
  return best.temperature;
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
  const classes = logits.length / labels.length;
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const largest = row.reduce((a, b) => Math.max(a, b));
    const total = row.reduce((acc, logit) => acc + Math.exp((logit - largest) / temperature), 0);
    sum += Math.log(total) - (row[labels[i]!]! - largest) / temperature;
  }
  return sum / labels.length;
}
