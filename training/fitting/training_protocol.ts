/**
 * Memory and messages that a team and its Workers share.
 *
 * @module
 */
import type { Parameter } from "./parameters.ts";
import type { TrainingTask } from "./training_task.ts";

/** Shared memory of a team. */
export interface SharedNumbers {
  /** One number: the next shard to claim. */
  readonly next: Int32Array;
  /** All parameters. */
  readonly parameters: Float32Array;
  /** Images of the job, shard after shard. */
  readonly indices: Uint32Array;
  /** One gradient per shard. */
  readonly gradients: Float32Array;
  /** Mean loss and correct predictions of each shard. */
  readonly reports: Float64Array;
  /** Means and variances of the batch normalisations, for each shard. */
  readonly moments: Float32Array;
  /** One row per validation image. */
  readonly logits: Float32Array;
}

/** A job for the team; each Worker claims shards until none is left. */
export type Job =
  | {
    readonly kind: "gradients" | "moments";
    readonly epoch: number;
    readonly seen: number;
    readonly shards: number;
  }
  | { readonly kind: "predict"; readonly shards: number };

/** To a Worker: first `start`, then jobs; each is answered with `done` or `failed`. */
export type ToWorker =
  | {
    readonly kind: "start";
    readonly task: TrainingTask;
    readonly shared: SharedNumbers;
    readonly wasm: WebAssembly.Module;
  }
  | Job;

/** From a Worker. */
export type FromWorker = { readonly kind: "done" } | { readonly kind: "failed"; readonly message: string };

/** Number of images in a shard of a `predict` job. */
export const PREDICT_SHARD = 128;

/** Number of shards of training images that moments are averaged over. */
export const MOMENT_SHARDS = 24;

/**
 * Length of the moments of one shard, in numbers: means and variances of all batch normalisations.
 *
 * @param parameters From `listParameters`.
 */
export function momentNumbers(parameters: readonly Parameter[]): number {
  return 2 * channelsOf(parameters).reduce((sum, channels) => sum + channels, 0);
}

/**
 * Number of channels of each batch normalisation.
 *
 * @param parameters From `listParameters`.
 */
export function channelsOf(parameters: readonly Parameter[]): number[] {
  return parameters.filter(({ normalised }) => normalised).map(({ start, end }) => end - start);
}
