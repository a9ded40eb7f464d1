import type { Outcome } from "../../models/classifier.ts";

/** What became of an image in its actor: an outcome of the model, or a failure of the model itself. */
export type JobOutcome =
  | Outcome
  | {
    readonly ok: false;
    readonly code: "model_error" | "model_died" | "model_silent";
    readonly message: string;
  };

/** How long it took. */
export interface Timing {
  /** When the batch went to its Worker, in milliseconds since 1970-01-01 UTC. */
  readonly startedAt: number;
  /** Decoding and inference of the whole batch, in milliseconds. */
  readonly tookMs: number;
}

/** One image on its way through an actor. */
export interface Job {
  /** The encoded image. */
  readonly image: Uint8Array;
  /** Its size. */
  readonly bytes: number;
  /** Called once, with what became of it. Must not throw. */
  settle(outcome: JobOutcome, timing: Timing): void;
}
