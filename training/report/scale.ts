/** Brings a number onto a picture. */
export interface Scale {
  /** The lowest and the highest number; both are ticks. */
  readonly domain: readonly [number, number];
  /** Round numbers in ascending order, equally far apart. */
  readonly ticks: readonly number[];
  /** How many digits after the point tell the ticks apart. */
  readonly digits: number;
  /**
   * Finds the place of a number.
   *
   * @param value Within the domain.
   * @returns Coordinate in the picture.
   */
  at(value: number): number;
}

/** What a scale has to show, and where. */
export interface ScaleOptions {
  /** Numbers that have to fit. Without any, or with equal ones, room is made around them. */
  readonly values: readonly number[];
  /** Coordinates of the lowest and the highest number. */
  readonly range: readonly [number, number];
  /** About how many steps there should be. @default {5} */
  readonly steps?: number;
  /** The smallest step, e.g. 1 for numbers that are counted. @default {0} */
  readonly smallestStep?: number;
}

/**
 * Makes a linear scale whose ticks are 1, 2 or 5 times a power of ten apart.
 *
 * @param options What to show, and where.
 * @returns The scale; its domain is as wide as the values, rounded up to whole steps.
 */
export function linearScale({ values, range, steps = 5, smallestStep = 0 }: ScaleOptions): Scale {
  const [low, high] = extent(values);
  const step = Math.max(roundStep((high - low) / steps), smallestStep);
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
 * Makes a linear scale for shares that is as wide as any other with the same span.
 *
 * @param values Shares that have to fit, 0 to 1; at least one, and no further apart than the span.
 * @param span How far apart the values may be (> 0); the scale is one or two ticks wider, never beyond 0 and 1.
 * @param range Coordinates of the lowest and the highest number.
 * @returns The scale, with the values in its middle where there is room on both sides.
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
 * Makes a linear scale with ticks of one's own.
 *
 * @param ticks At least two, in ascending order.
 * @param digits How many digits after the point they have.
 * @param range Coordinates of the first and the last.
 * @returns The scale.
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

function roundStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const factor = [1, 2, 5, 10].find((candidate) => candidate >= atLeast / power - 1e-9)!;
  return factor * power;
}

function digitsOf(step: number): number {
  return Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
}
