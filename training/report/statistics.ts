/**
 * Intervals and medians of measured numbers.
 *
 * @module
 */
import { ModelError } from "../../models/errors.ts";

/** A measured number with its 95 % confidence interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The 97.5 % quantile of the normal distribution. */
const Z = 1.959964;

/** The 97.5 % quantiles of Student's t distribution for 1 to 30 degrees of freedom. */
const T = [
  ...[12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281],
  ...[2.201, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.093, 2.086],
  ...[2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423],
];

/**
 * A share with its 95 % interval (Wilson, Probable Inference, the Law of Succession, and Statistical
 * Inference, 1927). Unlike the normal interval it stays within 0 and 1, and is valid near them.
 *
 * @param correct Number of correct predictions.
 * @param count Number of images.
 * @returns 0 to 1.
 * @throws {ModelError} `invalid`: no images, or more correct predictions than images.
 */
export function wilsonInterval(correct: number, count: number): Interval {
  if (!(count >= 1 && correct >= 0 && correct <= count)) {
    throw new ModelError(
      "invalid",
      `${correct} of ${count} images is not a valid share; expected 0 to all of at least one image`,
    );
  }
  const value = correct / count;
  const scale = 1 + Z * Z / count;
  const middle = (value + Z * Z / (2 * count)) / scale;
  const half = Z / scale * Math.sqrt(value * (1 - value) / count + Z * Z / (4 * count * count));
  return {
    value,
    low: correct === 0 ? 0 : middle - half,
    high: correct === count ? 1 : middle + half,
  };
}

/**
 * The mean of a few accuracies with its 95 % interval by Student's t distribution (Student, The Probable
 * Error of a Mean, 1908), on the angular scale asin √p (Bartlett, The Use of Transformations, 1947): it stays
 * within 0 and 1, and where it is far from both it is the plain interval of Student.
 *
 * @param accuracies At least one, each from 0 to 1.
 * @returns Mean and interval, 0 to 1; the interval of a single accuracy is 0 to 1.
 * @throws {ModelError} `invalid`: no accuracies, or one that is not from 0 to 1.
 */
export function meanInterval(accuracies: readonly number[]): Interval {
  const count = atLeastOne(accuracies).length;
  const wrong = accuracies.find((accuracy) => accuracy < 0 || accuracy > 1);
  if (wrong !== undefined) {
    throw new ModelError("invalid", `The accuracy is ${wrong}; it must be from 0 to 1`);
  }
  const value = accuracies.reduce((a, b) => a + b, 0) / count;
  if (count === 1) return { value, low: 0, high: 1 };
  const variance = accuracies.reduce((sum, each) => sum + (each - value) ** 2, 0) / (count - 1);
  if (variance === 0) return { value, low: value, high: value };
  const half = tQuantile(count - 1) * Math.sqrt(variance / count) / (2 * Math.sqrt(value * (1 - value)));
  const [low, high] = [-half, half].map((distance) => {
    const angle = Math.asin(Math.sqrt(value)) + distance;
    return Math.sin(Math.min(Math.PI / 2, Math.max(0, angle))) ** 2;
  }) as [number, number];
  return { value, low, high };
}

/**
 * Beyond the table: the first two terms of the expansion around the normal quantile, exact to four digits.
 */
function tQuantile(freedom: number): number {
  const listed = T[freedom - 1];
  if (listed !== undefined) return listed;
  return Z + (Z ** 3 + Z) / (4 * freedom) + (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / (96 * freedom ** 2);
}

function atLeastOne(values: readonly number[]): readonly number[] {
  if (values.length > 0 && values.every(Number.isFinite)) return values;
  throw new ModelError("invalid", `The values are [${values.join(", ")}]; expected at least one, all finite`);
}
