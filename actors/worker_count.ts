import { ActorError } from "./errors.ts";

/** How many Workers each model has: one number for all, or by name; who is not named has the default. */
export type WorkersPerModel = number | Readonly<Record<string, number>>;

/** The most Workers of a model. */
export const MAX_WORKERS = 64;

/** Beyond it, another worker process gives more than another thread of this one: one thread reads and stores for all. */
const MAX_DEFAULT_WORKERS = 8;

/**
 * How many Workers each model has when nobody says: what the cores give, one of them left to the thread that reads and stores,
 * shared by the models; at least 1, at most 8.
 *
 * @param models How many models are served.
 * @param cores Of this machine.
 */
export function defaultWorkers(models: number, cores: number = navigator.hardwareConcurrency): number {
  return Math.min(MAX_DEFAULT_WORKERS, Math.max(1, Math.floor((cores - 1) / models)));
}

/**
 * How many Workers each model has.
 *
 * @param models Names of all that are served.
 * @param wanted What was asked for.
 * @returns By name.
 * @throws {ActorError} `invalid`: no whole number from 1 to 64, or a model that is not served.
 */
export function workerCounts(
  models: readonly string[],
  wanted: WorkersPerModel | undefined,
): ReadonlyMap<string, number> {
  const byName = typeof wanted === "object" ? wanted : {};
  const others = typeof wanted === "number" ? wanted : defaultWorkers(models.length);
  const stranger = Object.keys(byName).find((name) => !models.includes(name));
  if (stranger !== undefined) {
    const served = models.join(", ");
    throw new ActorError("invalid", `workersPerModel names "${stranger}": served are ${served}`);
  }
  const counts = models.map((name) => [name, Object.hasOwn(byName, name) ? byName[name]! : others] as const);
  for (const [, count] of counts) checkCount(count);
  return new Map(counts);
}

function checkCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_WORKERS) return;
  throw new ActorError(
    "invalid",
    `workersPerModel is ${count}: expected a whole number from 1 to ${MAX_WORKERS}`,
  );
}
