/**
 * How truthful the confidences of a classifier are.
 *
 * @module
 */
import { crossEntropy } from "../../models/logits.ts";
import { checkAnswers, predictions, softmaxRows } from "./metrics.ts";
import type { Answers } from "./metrics.ts";

/** The answers whose confidence lies in `(from, to]`. */
export interface ConfidenceBin {
  /** 0 to 1, not included; the first bin includes its 0. */
  readonly from: number;
  /** 0 to 1, included. */
  readonly to: number;
  /** How many answers; where it is 0, the two means are 0 as well. */
  readonly count: number;
  /** How many of them are right. */
  readonly correct: number;
  /** Their mean confidence, 0 to 1. */
  readonly confidence: number;
  /** Share of them that is right, 0 to 1. */
  readonly accuracy: number;
}

/** How far confidences and accuracy are apart. */
export interface Calibration {
  /** What the logits were divided by. */
  readonly temperature: number;
  /** All bins, empty ones too, in ascending order. */
  readonly bins: readonly ConfidenceBin[];
  /** Expected calibration error, 0 to 1: mean of |accuracy - confidence| over the bins, weighted by their counts. */
  readonly expectedError: number;
  /** Maximum calibration error, 0 to 1: the largest |accuracy - confidence| of a bin that is not empty. */
  readonly maximumError: number;
  /** Mean negative log-likelihood of the right class, in nats. */
  readonly negativeLogLikelihood: number;
  /** Brier score, 0 to 2: mean over the images of the squared distance to the right answer, over all classes. */
  readonly brier: number;
}

/** As many as in the paper, so that the errors can be compared with published ones. */
const BINS = 15;

/**
 * Measures the calibration: errors over 15 bins of equal width (Guo et al., On Calibration of Modern Neural Networks,
 * 2017), and the score of Brier (Verification of Forecasts Expressed in Terms of Probability, 1950).
 *
 * @param answers What the classifier answered.
 * @param classes How many there are.
 * @param temperature Divides the logits (> 0).
 * @returns The bins with their errors.
 * @throws {ModelError} `invalid`: not one row of logits for each label, a label that is no class, a temperature that is
 * not above 0.
 */
export function measureCalibration(answers: Answers, classes: number, temperature = 1): Calibration {
  checkAnswers(answers, classes);
  const { logits, labels } = answers;
  const shares = softmaxRows(logits, classes, temperature);
  const bins = fillBins(shares, labels, classes);
  const gaps = bins.map(({ accuracy, confidence }) => Math.abs(accuracy - confidence));
  return {
    temperature,
    bins,
    expectedError: bins.reduce((sum, { count }, i) => sum + count * gaps[i]!, 0) / labels.length,
    maximumError: Math.max(...gaps),
    negativeLogLikelihood: crossEntropy(logits, labels, temperature),
    brier: brierScore(shares, labels, classes),
  };
}

function fillBins(shares: Float64Array, labels: Uint8Array | Uint16Array, classes: number): ConfidenceBin[] {
  const sums = Array.from({ length: BINS }, () => ({ count: 0, correct: 0, confidence: 0 }));
  predictions(shares, classes).forEach((predicted, i) => {
    const confidence = shares[i * classes + predicted]!;
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

function brierScore(shares: Float64Array, labels: Uint8Array | Uint16Array, classes: number): number {
  const sum = shares.reduce((acc, share, i) => {
    const right = labels[Math.floor(i / classes)] === i % classes ? 1 : 0;
    return acc + (share - right) ** 2;
  }, 0);
  return sum / labels.length;
}
