import { ServiceError } from "../errors.ts";

/** How many Workers each model has: one number for all, or by name; for who is not named cores and load decide. */
export type WorkersPerModel = number | Readonly<Record<string, number>>;

/** The most Workers of a model. */
export const MAX_WORKERS = 64;

/** How many Workers a model begins with, and how many it may have when there is much to do. */
export interface WorkerRange {
  /** At the start, and ever after. */
  readonly least: number;
  /** At most; the same where a number was asked for. */
  readonly most: number;
}

/** Beyond it, another worker process gives more than another thread of this one: one thread reads and stores for all. */
const MAX_DEFAULT_WORKERS = 8;

/**
 * How many Workers of all models may be at work when nobody says: the cores but the one of the thread that reads and stores.
 *
 * @param cores Of this machine.
 */
export function workerThreads(cores: number = navigator.hardwareConcurrency): number {
  return Math.max(1, cores - 1);
}

/**
 * How many Workers each model has at least when nobody says: what the cores give, one of them left to the thread that reads and stores,
 * shared by the models; at least 1, at most 8.
 *
 * @param models How many models are served.
 * @param cores Of this machine.
 */
export function defaultWorkers(models: number, cores: number = navigator.hardwareConcurrency): number {
  return Math.min(MAX_DEFAULT_WORKERS, Math.max(1, Math.floor(workerThreads(cores) / models)));
}

/**
 * How many Workers each model has.
 *
 * @param models Names of all that are served.
 * @param wanted What was asked for.
 * @param cores Of this machine.
 * @returns By name.
 * @throws {ServiceError} `invalid`: no whole number from 1 to 64, or a model that is not served.
 */
export function workerRanges(
  models: readonly string[],
  wanted: WorkersPerModel | undefined,
  cores: number = navigator.hardwareConcurrency,
): ReadonlyMap<string, WorkerRange> {
  const byName = typeof wanted === "object" ? wanted : {};
  const stranger = Object.keys(byName).find((name) => !models.includes(name));
  if (stranger !== undefined) {
    const served = models.join(", ");
    throw new ServiceError("invalid", `workersPerModel names "${stranger}": served are ${served}`);
  }
  const byLoad = {
    least: defaultWorkers(models.length, cores),
    most: Math.min(MAX_DEFAULT_WORKERS, workerThreads(cores)),
  };
  return new Map(models.map((name) => {
    const count = typeof wanted === "number" ? wanted : Object.hasOwn(byName, name) ? byName[name]! : null;
    return [name, count === null ? byLoad : fixed(count)];
  }));
}

function fixed(count: number): WorkerRange {
  checkCount(count);
  return { least: count, most: count };
}

function checkCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_WORKERS) return;
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
