/**
 * Every message between a model's actor and its Worker.
 *
 * ```
 * actor                     Worker
 *   ── start ──────────────►           once, first
 *   ◄───────────── ready ──            the model answers from now on; or
 *   ◄──────────── failed ──            (batch null) it never will: the Worker is to be replaced
 *   ── run ────────────────►           one at a time
 *   ◄────────────── done ──            one outcome for each image, in order; or
 *   ◄──────────── failed ──            the batch threw; the Worker is still there
 * ```
 *
 * A Worker computes synchronously: it can't answer anything else meanwhile, and is stopped only by being terminated.
 *
 * @module
 */
import type { ModelFiles, Outcome } from "../../models/classifier.ts";
import type { DecodeLimits } from "../../models/image/decode.ts";

/** Makes the Worker load its model. */
export interface Start {
  readonly type: "start";
  readonly files: ModelFiles;
  /** The compiled kernels of TensorFlow.js: the Worker may not read them itself. */
  readonly wasm: WebAssembly.Module;
  readonly limits: DecodeLimits;
}

/** A batch of images. */
export interface Run {
  readonly type: "run";
  /** Number of the batch, to be repeated in the answer. */
  readonly batch: number;
  /** All images, one after the other; transferred, not copied. */
  readonly bytes: ArrayBuffer;
  /** How long each image is, in bytes. */
  readonly lengths: Uint32Array;
}

/** What an actor says to its Worker. */
export type ToWorker = Start | Run;

/** What every answer tells of the Worker itself. */
export interface Answer {
  /** Its memory, WASM and JavaScript, in bytes; see `worker_memory.ts`. Absent where it says nothing. */
  readonly memoryBytes?: number;
}

/** The model is loaded and warm. */
export interface Ready extends Answer {
  readonly type: "ready";
}

/** What became of a batch. */
export interface Done extends Answer {
  readonly type: "done";
  readonly batch: number;
  readonly outcomes: readonly Outcome[];
  /** Decoding and inference, in milliseconds. */
  readonly tookMs: number;
}

/** The model threw. */
export interface Failed extends Answer {
  readonly type: "failed";
  /** The batch it threw on; `null` while it was started. */
  readonly batch: number | null;
  /** What it threw, as text. */
  readonly reason: string;
}

/** What a Worker says to its actor. */
export type FromWorker = Ready | Done | Failed;

/**
 * Packs images for {@linkcode Run}.
 *
 * @param images Encoded images.
 * @returns One buffer that can be transferred, and the length of each image in bytes.
 */
export function pack(images: readonly Uint8Array[]): Pick<Run, "bytes" | "lengths"> {
  const lengths = Uint32Array.from(images, (image) => image.length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const image of images) {
    bytes.set(image, at);
    at += image.length;
  }
  return { bytes: bytes.buffer, lengths };
}

/**
 * The opposite of {@linkcode pack}.
 *
 * @param run What was received.
 * @returns Views of the images.
 */
export function unpack(run: Pick<Run, "bytes" | "lengths">): Uint8Array[] {
  let at = 0;
  return Array.from(run.lengths, (length) => new Uint8Array(run.bytes, (at += length) - length, length));
}
