import { ServiceError } from "../errors.ts";

/** Workers per model: one number for all, or by name. For models without a number, cores and load decide. */
export type WorkersPerModel = number | Readonly<Record<string, number>>;

/** Largest number of Workers of a model. */
export const MAX_WORKERS = 64;

/** Number of Workers at the start of a model, and under load. */
export interface WorkerRange {
  /** At the start, and at any time after. */
  readonly min: number;
  /** Equal to `min` where a number was given. */
  readonly max: number;
}

/** Beyond it, another service gains more: one thread reads and stores for all Workers of a service. */
const MAX_DEFAULT_WORKERS = 8;

/**
 * Default number of Workers of all models together that may be busy: one core is left to the thread that
 * reads and stores.
 *
 * @param cores Of this machine.
 */
export function workerThreads(cores: number = navigator.hardwareConcurrency): number {
  return Math.max(1, cores - 1);
}

/**
 * Default number of Workers that each model starts with: an equal share of {@linkcode workerThreads}, at
 * least 1, at most 8.
 *
 * @param models How many models are served.
 * @param cores Of this machine.
 */
export function defaultWorkers(models: number, cores: number = navigator.hardwareConcurrency): number {
  return Math.min(MAX_DEFAULT_WORKERS, Math.max(1, Math.floor(workerThreads(cores) / models)));
}

/**
 * Determines how many Workers each model has.
 *
 * @param models Names of all that are served.
 * @param wanted The option.
 * @param cores Of this machine.
 * @returns By name.
 * @throws {ServiceError} `invalid`: not a whole number from 1 to 64, or a model that is not served.
 */
export function workerRanges(
  models: readonly string[],
  wanted: WorkersPerModel | undefined,
  cores: number = navigator.hardwareConcurrency,
): ReadonlyMap<string, WorkerRange> {
  const byName = typeof wanted === "object" ? wanted : {};
  const unknown = Object.keys(byName).find((name) => !models.includes(name));
  if (unknown !== undefined) {
    const served = models.join(", ");
    throw new ServiceError(
      "invalid",
      `workersPerModel has the unknown model "${unknown}": expected one of ${served}`,
    );
  }
  const byLoad = {
    min: defaultWorkers(models.length, cores),
    max: Math.min(MAX_DEFAULT_WORKERS, workerThreads(cores)),
  };
  return new Map(models.map((name) => {
    const count = typeof wanted === "number" ? wanted : Object.hasOwn(byName, name) ? byName[name]! : null;
    return [name, count === null ? byLoad : fixed(count)];
  }));
}

function fixed(count: number): WorkerRange {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_WORKERS) return { min: count, max: count };
  throw new ServiceError(
    "invalid",
    `workersPerModel is ${count}: expected a whole number from 1 to ${MAX_WORKERS}`,
  );
}

/**
 * Reads how many Workers each model has.
 *
 * @param text `2`, or `mnist=2,cifar-10=4`.
 * @returns `undefined` when it is neither.
 */
export function parseWorkersPerModel(text: string): WorkersPerModel | undefined {
  if (isCount(text)) return Number(text);
  const pairs = text.split(",").map((part) => part.trim().split("="));
  const isByName = pairs.every(([name, count = "", ...rest]) =>
    name !== "" && isCount(count) && rest.length === 0
  );
  return isByName ? Object.fromEntries(pairs.map(([name, count]) => [name!, Number(count)])) : undefined;
}

function isCount(text: string): boolean {
  return /^[1-9]\d?$/.test(text) && Number(text) <= MAX_WORKERS;
}
