import type { Outcome } from "../../models/classifier.ts";

/** Outcome of an image: that of the model, or a failure of the model itself. */
export type JobOutcome =
  | Outcome
  | {
    readonly ok: false;
    readonly code: "model_error" | "model_died" | "model_silent" | "unknown_version";
    readonly message: string;
  };

/** Which version an image was given to, when, and how long its batch took. */
export interface Timing {
  /** Version of the model whose Worker computed the outcome; absent where no Worker did. */
  readonly version?: string;
  /** When the batch went to its Worker, in milliseconds since 1970-01-01 UTC. */
  readonly startedAt: number;
  /** Decoding and inference of the whole batch, in milliseconds. */
  readonly tookMs: number;
}

/** One image for a model. */
export interface Job {
  /** The id of its request. */
  readonly id: string;
  /** The encoded image. */
  readonly image: Uint8Array;
  /** Its size in bytes. */
  readonly bytes: number;
  /** Images with equal ones go to the same version while another version gets a share of the images. */
  readonly stickyKey: string;
  /** The only version that may classify it, if its request asks for one. */
  readonly pinned?: string | undefined;
  /** The true label, if the sender provided it. */
  readonly actual?: string | undefined;
  /** W3C trace context of its request, if it has one. */
  readonly traceparent?: string | undefined;
  /** Called once, with its outcome. Must not throw. */
  settle(outcome: JobOutcome, timing: Timing): void;
}
