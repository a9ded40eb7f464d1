/** Maps numbers to coordinates. */
export interface Scale {
  /** Minimum and maximum; both are ticks. */
  readonly domain: readonly [number, number];
  /** Round numbers in ascending order, at equal distances. */
  readonly ticks: readonly number[];
  /** Number of digits after the point that distinguish the ticks. */
  readonly digits: number;
  /**
   * The coordinate of a number.
   *
   * @param value Within the domain.
   */
  at(value: number): number;
}

/** Values and coordinates of a scale. */
export interface ScaleOptions {
  /** Numbers that must fit. Without any, or if all are equal, the scale extends beyond them. */
  readonly values: readonly number[];
  /** Coordinates of minimum and maximum. */
  readonly range: readonly [number, number];
  /** Approximate number of steps. @default {5} */
  readonly steps?: number;
  /** Minimum distance of ticks, e.g. 1 for integers. @default {0} */
  readonly minStep?: number;
}

/**
 * Creates a linear scale with ticks at distances of 1, 2 or 5 times a power of ten.
 *
 * @param options Values and coordinates.
 * @returns The scale; its domain is that of the values, extended to complete steps.
 */
export function linearScale({ values, range, steps = 5, minStep = 0 }: ScaleOptions): Scale {
  const [low, high] = extent(values);
  const step = Math.max(roundStep((high - low) / steps), minStep);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const digits = digitsOf(step);
  const ticks = Array.from(
    { length: last - first + 1 },
    (_, i) => Number(((first + i) * step).toFixed(digits)),
  );
  return placed(ticks, digits, range);
}

/**
 * Creates a linear scale for shares that is as wide as any other with the same span.
 *
 * @param values Shares that must fit, 0 to 1; at least one, within the span.
 * @param span Maximum difference of the values (> 0); the scale is one or two ticks wider, but never beyond 0
 * and 1.
 * @param range Coordinates of minimum and maximum.
 * @returns The scale, with the values in its middle where possible.
 */
export function shareScale(values: readonly number[], span: number, range: readonly [number, number]): Scale {
  const step = roundStep(span / 4);
  const all = Math.round(1 / step);
  const steps = Math.min(all, Math.ceil(span / step - 1e-9) + 1);
  const middle = (Math.min(...values) + Math.max(...values)) / 2;
  const first = Math.min(Math.max(0, Math.round(middle / step - steps / 2)), all - steps);
  const digits = digitsOf(step);
  const ticks = Array.from({ length: steps + 1 }, (_, i) => Number(((first + i) * step).toFixed(digits)));
  return placed(ticks, digits, range);
}

/**
 * Creates a linear scale with given ticks.
 *
 * @param ticks At least two, in ascending order.
 * @param digits Number of their digits after the point.
 * @param range Coordinates of the first and the last.
 */
export function placed(ticks: readonly number[], digits: number, range: readonly [number, number]): Scale {
  const domain = [ticks[0]!, ticks.at(-1)!] as const;
  const factor = (range[1] - range[0]) / (domain[1] - domain[0]);
  return { domain, ticks, digits, at: (value) => range[0] + (value - domain[0]) * factor };
}

function extent(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  const room = low === high ? Math.abs(low) / 10 || 1 : 0;
  return [low - room, high + room];
}

function roundStep(min: number): number {
  const power = 10 ** Math.floor(Math.log10(min));
  const factor = [1, 2, 5, 10].find((candidate) => candidate >= min / power - 1e-9)!;
  return factor * power;
}

function digitsOf(step: number): number {
  return Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
}
