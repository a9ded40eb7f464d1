import { maxOf, rowsOf, sumOfExponentials } from "../../models/logits.ts";

/**
 * Finds the temperature at which the mean confidence equals the accuracy on validation images (Clarté et al.,
 * Expectation consistency for calibration of neural networks, 2023). The temperature of the lowest
 * cross-entropy (Guo et al., On Calibration of Modern Neural Networks, 2017) leaves the confidences too high
 * after label smoothing, because a few wrong and confident predictions dominate it.
 *
 * @param logits One row per image.
 * @param labels The class of each image.
 * @returns From 0.25 to 4 in steps of 0.01. One correct and one wrong prediction are added to the accuracy,
 * so a few images that are all correct do not make the confidences certain.
 */
export function fitTemperature(logits: Float32Array, labels: ArrayLike<number>): number {
  const rows = rowsOf(logits, labels.length);
  const correct = rows.filter((row, i) => row[labels[i]!] === maxOf(row)).length;
  const accuracy = (correct + 1) / (rows.length + 2);
  let best = { temperature: 1, error: Infinity };
  for (let percent = 25; percent <= 400; percent++) {
    const temperature = percent / 100;
    const error = Math.abs(meanConfidence(rows, temperature) - accuracy);
    if (error < best.error) best = { temperature, error };
  }
  return best.temperature;
}

function meanConfidence(rows: readonly Float32Array[], temperature: number): number {
  const sum = rows.reduce((sum, row) => sum + 1 / sumOfExponentials(row, temperature), 0);
  return sum / rows.length;
}
