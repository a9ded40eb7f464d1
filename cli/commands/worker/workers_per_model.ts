import { MAX_WORKERS, type WorkersPerModel } from "../../../actors/workers/worker_count.ts";
import { UsageError } from "../../command.ts";

/**
 * Reads how many Workers each model has.
 *
 * @param text `2`, or `mnist=2,cifar-10=4`.
 * @throws {UsageError} When it is neither.
 */
export function parseWorkersPerModel(text: string): WorkersPerModel {
  if (isCount(text)) return Number(text);
  const pairs = text.split(",").map((part) => part.trim().split("="));
  if (pairs.every(([name, count, ...rest]) => name !== "" && isCount(count ?? "") && rest.length === 0)) {
    return Object.fromEntries(pairs.map(([name, count]) => [name!, Number(count)]));
  }
  throw new UsageError(
    `--workers-per-model is "${text}": expected a whole number from 1 to ${MAX_WORKERS}, or mnist=2,cifar-10=4`,
  );
}

function isCount(text: string): boolean {
  return /^[1-9]\d?$/.test(text) && Number(text) <= MAX_WORKERS;
}
