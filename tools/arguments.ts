import { UsageError } from "../cli/command.ts";

/**
 * Reads a whole number.
 *
 * @param name The option, without its dashes.
 * @param text As it was given.
 * @param min The least it may be.
 * @param max The most it may be.
 * @throws {UsageError}
 */
export function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} is "${text}": expected a whole number from ${min} to ${max}`);
}

/**
 * Reads one of some words.
 *
 * @param name The option, without its dashes.
 * @param text As it was given.
 * @param known The words.
 * @throws {UsageError}
 */
export function oneOf<T extends string>(name: string, text: string, known: readonly T[]): T {
  const found = known.find((value) => value === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} has "${text}": expected ${known.join(", ")}`);
}
