/**
 * Calibration: how well the confidences of a classifier agree with its accuracy.
 *
 * @module
 */
import { argmax, crossEntropy } from "../../models/logits.ts";
import { type LabelledLogits, probabilitiesOf } from "./metrics.ts";

/** The predictions with a confidence in `(from, to]`. */
export interface ConfidenceBin {
  /** 0 to 1, excluded; the first bin includes its 0. */
  readonly from: number;
  /** 0 to 1, included. */
  readonly to: number;
  /** Number of predictions; if it is 0, the two means are 0 as well. */
  readonly count: number;
  /** Number of correct predictions. */
  readonly correct: number;
  /** Mean confidence, 0 to 1. */
  readonly confidence: number;
  /** 0 to 1. */
  readonly accuracy: number;
}

/** Differences between confidence and accuracy. */
export interface Calibration {
  /** Divisor of the logits. */
  readonly temperature: number;
  /** All bins, empty ones too, in ascending order. */
  readonly bins: readonly ConfidenceBin[];
  /**
   * Expected calibration error, 0 to 1: mean of |accuracy - confidence| over the bins, weighted by their
   * counts.
   */
  readonly expectedError: number;
  /** Maximum calibration error, 0 to 1: the largest |accuracy - confidence| of a bin that is not empty. */
  readonly maximumError: number;
  /** Mean negative log-likelihood of the true class, in nats. */
  readonly negativeLogLikelihood: number;
  /**
   * Brier score, 0 to 2: mean over the images of the squared distance to the true class, over all classes.
   */
  readonly brier: number;
}

/** Number of bins, as in the paper, so that the errors are comparable with published ones. */
const BINS = 15;

/**
 * Measures the calibration: errors over 15 bins of equal width (Guo et al., On Calibration of Modern Neural
 * Networks, 2017), and the Brier score (Verification of Forecasts Expressed in Terms of Probability, 1950).
 *
 * @param measured Logits and labels.
 * @param classes Number of classes.
 * @param temperature Divides the logits (> 0).
 * @throws {ModelError} `invalid`: not one row of logits per label, a label that is not a class, a temperature
 * that is not above 0.
 */
export function measureCalibration(
  measured: LabelledLogits,
  classes: number,
  temperature = 1,
): Calibration {
  const { logits, labels } = measured;
  const probabilities = probabilitiesOf(measured, classes, temperature);
  const bins = fillBins(probabilities, labels);
  const gaps = bins.map(({ accuracy, confidence }) => Math.abs(accuracy - confidence));
  return {
    temperature,
    bins,
    expectedError: bins.reduce((sum, { count }, i) => sum + count * gaps[i]!, 0) / labels.length,
    maximumError: Math.max(...gaps),
    negativeLogLikelihood: crossEntropy(logits, labels, temperature),
    brier: brierScore(probabilities, labels),
  };
}

type Labels = LabelledLogits["labels"];

function fillBins(probabilities: readonly Float64Array[], labels: Labels): ConfidenceBin[] {
  const sums = Array.from({ length: BINS }, () => ({ count: 0, correct: 0, confidence: 0 }));
  probabilities.forEach((row, i) => {
    const predicted = argmax(row);
    const confidence = row[predicted]!;
    const bin = sums[Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1))]!;
    bin.count++;
    bin.confidence += confidence;
    if (predicted === labels[i]) bin.correct++;
  });
  return sums.map(({ count, correct, confidence }, i) => ({
    from: i / BINS,
    to: (i + 1) / BINS,
    count,
    correct,
    confidence: confidence / Math.max(count, 1),
    accuracy: correct / Math.max(count, 1),
  }));
}

function brierScore(probabilities: readonly Float64Array[], labels: Labels): number {
  const distances = probabilities.map((row, i) =>
    row.reduce((sum, probability, c) => sum + (probability - (c === labels[i] ? 1 : 0)) ** 2, 0)
  );
  return distances.reduce((a, b) => a + b) / labels.length;
}
