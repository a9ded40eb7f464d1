import type { ServiceError } from "../errors.ts";
import type { Job, JobOutcome } from "./job.ts";

/** Images of a batch that failed. They are retried in ever smaller batches, until the culprit is alone. */
export interface Suspects {
  readonly jobs: readonly Job[];
  /** How often they failed as a batch of one. */
  readonly failures: number;
  /** What the model threw on it alone: a better reason than a Worker that was ended next. */
  readonly thrown?: ServiceError;
}

/** An image that fails so often alone is settled as a failure. */
const MAX_FAILURES_ALONE = 2;

/**
 * What is left of a batch that failed, in the batches in which it is retried.
 *
 * @param batch What failed.
 * @param error How.
 * @param culprit Index of the image that was decoded meanwhile, if that is known.
 * @returns Without the images that are not retried.
 */
export function retriesOf(
  { jobs, failures }: Suspects,
  error: ServiceError,
  culprit: number | null,
): Suspects[] {
  const { code } = error;
  const fresh = (jobs: readonly Job[]) => jobs.length > 0 ? [{ jobs, failures: 0 }] : [];
  if (code === "decode_timeout") return fresh(jobs.filter((_, i) => i !== culprit));
  if (jobs.length === 1) {
    if (failures + 1 >= MAX_FAILURES_ALONE) return [];
    return [{ jobs, failures: failures + 1, ...(code === "worker_failed" && { thrown: error }) }];
  }
  if (code === "worker_failed") return halves(jobs).flatMap(fresh);
  // Whoever ended a Worker that died, it need not be the image.
  if (culprit === null || code === "worker_died") return jobs.flatMap((job) => fresh([job]));
  return [{ jobs: [jobs[culprit]!], failures: 1 }, ...fresh(jobs.filter((_, i) => i !== culprit))];
}

function halves(jobs: readonly Job[]): (readonly Job[])[] {
  const middle = jobs.length >> 1;
  return [jobs.slice(0, middle), jobs.slice(middle)];
}

type Failure = Extract<JobOutcome, { ok: false }>;

const FAILURES: Readonly<Partial<Record<ServiceError["code"], Failure["code"]>>> = {
  worker_failed: "model_error",
  worker_silent: "model_silent",
  decode_timeout: "over_limit",
};

/** What becomes of an image that is not retried. */
export function failureOf({ code, message }: ServiceError): Failure {
  return { ok: false, code: FAILURES[code] ?? "model_died", message };
}
