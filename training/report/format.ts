/**
 * Human-readable numbers. The space between number and unit is a no-break space.
 *
 * @module
 */
import { plural as pluralOf } from "../../lib/plural.ts";
import type { Interval } from "./statistics.ts";

/** Replaces a missing number. */
export const NOTHING = "–";

/**
 * Formats a share as a percentage.
 *
 * @param share 0 to 1; `undefined` if there is none.
 * @param digits After the point.
 * @returns E.g. `"92.7 %"`, or a dash.
 */
export function percent(share: number | undefined, digits = 1): string {
  return share === undefined ? NOTHING : `${(100 * share).toFixed(digits)}\u00a0%`;
}

/**
 * Formats a confidence; only 1 is shown as 100 %.
 *
 * @param share 0 to 1.
 * @returns E.g. `"98.3 %"`, `"> 99.9 %"`.
 */
export function confidence(share: number): string {
  return share >= 0.9995 && share < 1 ? `>\u00a0${percent(0.999)}` : percent(share);
}

/**
 * Formats an integer.
 *
 * @param value Any number.
 * @returns Rounded, with separated thousands.
 */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/**
 * Formats a count with its noun.
 *
 * @param value How many.
 * @param noun In the singular; its plural ends in "s".
 * @returns E.g. `"1 epoch"`, `"2 epochs"`.
 */
export function plural(value: number, noun: string): string {
  return pluralOf(value, noun, count(value));
}

/**
 * Formats an interval of shares.
 *
 * @param interval 0 to 1 each.
 * @returns E.g. `"92.19–93.21 %"`, which does not break, or a dash for 0 to 1.
 */
export function percentRange({ low, high }: Interval): string {
  if (high - low >= 1) return NOTHING;
  return `${(100 * low).toFixed(2)}–\u2060${percent(high, 2)}`;
}

/**
 * Formats a duration.
 *
 * @param seconds At least 0.
 * @returns E.g. `"42 s"`, `"28 min"`, `"3 h 20 min"`.
 */
export function duration(seconds: number): string {
  if (seconds < 99.5) return `${Math.round(seconds)}\u00a0s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes}\u00a0min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}\u00a0h${rest === 0 ? "" : ` ${rest}\u00a0min`}`;
}

/**
 * Formats a measured number with its significant digits.
 *
 * @param value Any number.
 * @param digits Number of significant digits.
 * @returns Without trailing zeros and without an exponent, e.g. `"0.213"`, `"1,950"`.
 */
export function significant(value: number, digits = 3): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: digits });
}
