const MAX_TEXT_LENGTH = 100;

/**
 * A value that is not what it must be, for a message: a text as JSON, at most 100 characters of it; an object by its class.
 *
 * @param value Anything.
 *
 * @example
 * ```ts
 * import { showValue } from "./show_value.ts";
 * const shown = ["a\ud800", null, 7n, new Date(NaN), new Float32Array(3)].map(showValue).join(", ");
 * if (shown !== '"a\\ud800", null, 7, Invalid Date, a Float32Array') throw new Error(shown);
 * ```
 */
export function showValue(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > MAX_TEXT_LENGTH ? `${value.slice(0, MAX_TEXT_LENGTH)}…` : value);
  }
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null || value instanceof Date) return String(value);
  const name = value.constructor?.name || "Object";
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}
