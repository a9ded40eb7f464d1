/**
 * What a team and its Workers share and say to each other.
 *
 * @module
 */
import type { Parameter } from "./parameters.ts";
import type { TrainingTask } from "./shard.ts";

/** Memory that the team shares. */
export interface SharedNumbers {
  /** One number: the next shard to be claimed. */
  readonly next: Int32Array;
  /** All parameters. */
  readonly parameters: Float32Array;
  /** Images of the job, shard after shard. */
  readonly indices: Uint32Array;
  /** A gradient for each shard. */
  readonly gradients: Float32Array;
  /** Mean loss and right answers of each shard. */
  readonly reports: Float64Array;
  /** Means and variances of each batch normalisation, for each shard. */
  readonly moments: Float32Array;
  /** A row for each validation image. */
  readonly logits: Float32Array;
}

/** What the team is asked to do; each Worker claims shards until none is left. */
export type Job =
  | {
    readonly kind: "gradients" | "moments";
    readonly epoch: number;
    readonly seen: number;
    readonly shards: number;
  }
  | { readonly kind: "predict"; readonly shards: number };

/** To a Worker: first `start`, answered by `done`; then jobs, each answered by `done` or `failed`. */
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

/** Images of one shard when it predicts. */
export const PREDICT_SHARD = 128;

/** Shards of training images that moments are averaged over. */
export const MOMENT_SHARDS = 24;

/**
 * Counts the numbers that a shard's moments take.
 *
 * @param parameters As `listParameters` gives them.
 * @returns Means and variances over all batch normalisations.
 */
export function momentNumbers(parameters: readonly Parameter[]): number {
  return 2 * channelsOf(parameters).reduce((sum, channels) => sum + channels, 0);
}

/** Channels of each batch normalisation. */
export function channelsOf(parameters: readonly Parameter[]): number[] {
  return parameters.filter(({ normalised }) => normalised).map(({ start, end }) => end - start);
}
