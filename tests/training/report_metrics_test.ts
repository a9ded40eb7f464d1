import { median } from "../../lib/median.ts";
import { ModelError } from "../../models/errors.ts";
import { argmax, softmax } from "../../models/logits.ts";
import { measureCalibration } from "../../training/report/calibration.ts";
import { classMetrics, confusionMatrix, topConfusions } from "../../training/report/metrics.ts";
import { meanInterval, wilsonInterval } from "../../training/report/statistics.ts";
import { assert, assertEquals, assertThrows } from "../../testing/assert.ts";

function assertNear(actual: number, expected: number, within = 1e-6): void {
  assert(Math.abs(actual - expected) <= within, `${actual} is not within ${within} of ${expected}`);
}

/** Two classes, the first one predicted with the confidence. */
function predictionsOf(...groups: { confidence: number; images: number; correct: number }[]) {
  const rows = groups.flatMap(({ confidence, images, correct }) =>
    Array.from(
      { length: images },
      (_, i) => ({ logit: Math.log(confidence / (1 - confidence)), label: i < correct ? 0 : 1 }),
    )
  );
  return {
    logits: Float32Array.from(rows.flatMap(({ logit }) => [logit, 0])),
    labels: Uint8Array.from(rows, ({ label }) => label),
  };
}

Deno.test("metrics: the softmax divides the logits by the temperature", () => {
  const logits = Float32Array.of(0, Math.log(3));
  [0.25, 0.75].forEach((share, i) => assertNear(softmax(logits, 1)[i]!, share));
  const share = 1 / (1 + Math.sqrt(3));
  [share, 1 - share].forEach((share, i) => assertNear(softmax(logits, 2)[i]!, share));
});

Deno.test("metrics: logits of any size have probabilities, not NaN", () => {
  assertEquals([...softmax(Float32Array.of(1e30, -1e30), 0.25)], [1, 0]);
  assertEquals([...softmax(Float32Array.of(5e4, 0), 0.25)], [1, 0]);
});

Deno.test("metrics: among equal logits the first class is predicted", () => {
  assertEquals([argmax(Float32Array.of(1, 1, 0)), argmax(Float32Array.of(0, 2, 2))], [0, 1]);
});

Deno.test("metrics: rows of the confusion matrix are the true classes, columns the predicted ones", () => {
  const logits = Float32Array.of(1, 0, 0, /**/ 0, 1, 0, /**/ 0, 1, 0, /**/ 0, 1, 0);
  const counts = confusionMatrix({ logits, labels: Uint8Array.of(0, 0, 0, 1) }, 3);
  assertEquals([...counts], [1, 2, 0, 0, 1, 0, 0, 0, 0]);
  assertEquals(topConfusions(counts, 3, 5), [{ label: 0, predicted: 1, times: 2, share: 2 / 3 }]);
});

Deno.test("metrics: a class without images has no recall, one without predictions no precision", () => {
  const [first, second, third, fourth] = classMetrics(
    Uint32Array.of(1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0),
    4,
  );
  assertEquals(first, { support: 3, predicted: 2, precision: 1 / 2, recall: 1 / 3, f1: 0.4 });
  assertEquals(second, { support: 1, predicted: 3, precision: 1 / 3, recall: 1, f1: 0.5 });
  assertEquals(third, { support: 0, predicted: 0, precision: undefined, recall: undefined, f1: undefined });
  assertEquals(fourth, { support: 1, predicted: 0, precision: undefined, recall: 0, f1: 0 });
});

Deno.test("metrics: mistakes are in descending order of frequency, up to the maximum", () => {
  const counts = Uint32Array.of(5, 1, 0, 4, 5, 1, 2, 0, 8);
  assertEquals(topConfusions(counts, 3, 3).map(({ label, predicted, times }) => [label, predicted, times]), [
    [1, 0, 4],
    [2, 0, 2],
    [0, 1, 1],
  ]);
});

Deno.test("metrics: logits and labels that do not fit together are refused with the reason", () => {
  const one = Float32Array.of(0, 1);
  const cases: [Float32Array, Uint8Array, string][] = [
    [one, Uint8Array.of(), "no images"],
    [one, Uint8Array.of(0, 1), "2 logits for 2 images"],
    [one, Uint8Array.of(2), "Label 0 is 2; it must be from 0 to 1"],
    [Float32Array.of(0, NaN), Uint8Array.of(0), "Logit 1 is NaN"],
  ];
  for (const [logits, labels, message] of cases) {
    assertThrows(() => confusionMatrix({ logits, labels }, 2), ModelError, message);
    assertThrows(() => measureCalibration({ logits, labels }, 2), ModelError, message);
  }
  for (const temperature of [0, -1, NaN, Infinity]) {
    const measured = { logits: one, labels: Uint8Array.of(0) };
    assertThrows(
      () => measureCalibration(measured, 2, temperature),
      ModelError,
      `temperature is ${temperature}`,
    );
  }
});

Deno.test("calibration: errors, likelihood and Brier score agree with a calculation by hand", () => {
  const measured = measureCalibration(
    predictionsOf({ confidence: 0.62, images: 10, correct: 5 }, { confidence: 0.9, images: 30, correct: 27 }),
    2,
  );
  const filled = measured.bins.filter(({ count }) => count > 0);
  assertEquals(filled.map(({ count, correct, accuracy }) => [count, correct, accuracy]), [[10, 5, 0.5], [
    30,
    27,
    0.9,
  ]]);
  assertNear(measured.expectedError, 0.25 * 0.12);
  assertNear(measured.maximumError, 0.12);
  assertNear(measured.brier, (5 * 2 * 0.38 ** 2 + 5 * 2 * 0.62 ** 2 + 27 * 2 * 0.01 + 3 * 2 * 0.81) / 40);
  const likelihood = 5 * Math.log(0.62) + 5 * Math.log(0.38) + 27 * Math.log(0.9) + 3 * Math.log(0.1);
  assertNear(measured.negativeLogLikelihood, -likelihood / 40);
});

Deno.test("calibration: of the 15 bins the last has certainty, the eighth an even choice of two", () => {
  const { bins } = measureCalibration(
    { logits: Float32Array.of(1e4, 0, 0, 0), labels: Uint8Array.of(0, 0) },
    2,
  );
  assertEquals(bins.map(({ count }) => count), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
  assertEquals([bins[14]!.confidence, bins[14]!.accuracy], [1, 1]);
  const third = measureCalibration({ logits: new Float32Array(3), labels: Uint8Array.of(0) }, 3).bins;
  assertEquals(third.findIndex(({ count }) => count > 0), 4, "an upper end belongs to its bin");
});

Deno.test("calibration: the fitting temperature removes the error", () => {
  const sure = predictionsOf({ confidence: 0.9, images: 100, correct: 75 });
  assertNear(measureCalibration(sure, 2).expectedError, 0.15);
  assertNear(measureCalibration(sure, 2, 2).expectedError, 0);
});

Deno.test("statistics: Wilson's interval is correct for 8 of 10, none and all", () => {
  const { value, low, high } = wilsonInterval(8, 10);
  assertEquals(value, 0.8);
  assertNear(low, 0.4902, 1e-4);
  assertNear(high, 0.9433, 1e-4);
  assertEquals([wilsonInterval(0, 10).low, wilsonInterval(10, 10).high], [0, 1]);
  assertNear(wilsonInterval(0, 10).high, 0.2775, 1e-4);
  for (const [correct, count] of [[0, 0], [2, 1], [-1, 5], [NaN, 5]] as const) {
    assertThrows(() => wilsonInterval(correct, count), ModelError, `${correct} of ${count}`);
  }
});

Deno.test("statistics: the interval of a mean follows Student's t, for few and for many accuracies", () => {
  assertEquals(meanInterval([0.3]), { value: 0.3, low: 0, high: 1 });
  const few = meanInterval([0.499, 0.5, 0.501]);
  assertNear(few.value, 0.5);
  assertNear(few.high - 0.5, 0.001 * 4.3027 / Math.sqrt(3), 1e-6);
  const many = meanInterval(Array.from({ length: 41 }, (_, i) => i % 2 === 0 ? 0.51 : 0.49));
  const deviation = 0.01 * Math.sqrt((41 - 1 / 41) / 40);
  assertNear(many.high - many.value, 2.0211 * deviation / Math.sqrt(41), 1e-5);
  assertThrows(() => meanInterval([]), ModelError, "at least");
  assertThrows(() => meanInterval([1, NaN]), ModelError, "finite");
  assertThrows(() => meanInterval([1, 1.5]), ModelError, "The accuracy is 1.5; it must be from 0 to 1");
});

Deno.test("statistics: the interval of a mean stays within 0 and 1, and holds the mean, near both ends", () => {
  const samples = [[1, 1, 0.9583, 1, 0.9722], [0.98, 1], [0, 0.02, 0], [0, 1, 1, 1], [1, 1, 1], [0, 0]];
  for (const accuracies of samples) {
    const { value, low, high } = meanInterval(accuracies);
    assert(0 <= low && low <= value && value <= high && high <= 1, `${accuracies}: ${low} to ${high}`);
  }
  assertEquals(meanInterval([1, 1, 1]), { value: 1, low: 1, high: 1 });
  assertNear(meanInterval([0.98, 1]).high, 1);
});

Deno.test("statistics: the median is the value in the middle, or the mean of the two that are", () => {
  assertEquals([median([7]), median([5, 1, 4]), median([4, 1, 3, 2])], [7, 4, 2.5]);
  assertEquals(median([]), NaN);
});
