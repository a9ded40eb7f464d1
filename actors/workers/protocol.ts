/**
 * All messages between a supervisor and a Worker.
 *
 * ```
 * supervisor                Worker
 *   ── start ──────────────►           once, first
 *   ◄───────────── ready ──            the model is loaded; or
 *   ◄──────────── failed ──            (batch null) it cannot be loaded: replace the Worker
 *   ── run ────────────────►           also while it computes: they are computed in order
 *   ◄────────────── done ──            one outcome per image, in order; or
 *   ◄──────────── failed ──            the batch threw; the Worker goes on
 * ```
 *
 * Decoding and inference are synchronous: a Worker cannot answer anything else meanwhile, and can only be stopped
 * by terminating it. So it notes which image it decodes in shared memory.
 *
 * @module
 */
import { concatBytes } from "../../lib/bytes.ts";
import type { ModelFiles } from "../../models/classifier.ts";
import type { DecodeSettings } from "../../models/image/limits.ts";
import type { PackedOutcomes } from "./outcomes.ts";

/** Asks a Worker to load its model. */
export interface Start {
  readonly type: "start";
  readonly files: ModelFiles;
  /** The compiled kernels of TensorFlow.js: the Worker may not read them itself. */
  readonly wasm: WebAssembly.Module;
  readonly limits: DecodeSettings;
  /** Where the Worker notes which image it decodes (`decoding.ts`). */
  readonly decoding: SharedArrayBuffer;
}

/** Asks a Worker to classify a batch. */
export interface Run {
  readonly type: "run";
  /** Number of the batch, repeated in the reply. */
  readonly batch: number;
  /** All images, one after the other; transferred, not copied. */
  readonly bytes: ArrayBuffer;
  /** Length of each image in bytes. */
  readonly lengths: Uint32Array;
}

/** A message to a Worker. */
export type ToWorker = Start | Run;

/** What all replies have in common. */
export interface Reply {
  /** Memory of the Worker in bytes (`worker_memory.ts`); absent where it is not reported. */
  readonly memoryBytes?: number;
}

/** The model is loaded and warm. */
export interface Ready extends Reply {
  readonly type: "ready";
}

/** A batch is classified. */
export interface Done extends Reply {
  readonly type: "done";
  readonly batch: number;
  /** One per image, in order. */
  readonly outcomes: PackedOutcomes;
  /**
   * Brightness and contrast of each image (`tone.ts`), one after the other; NaN for one that is not decoded. Absent if the
   * reference of the model has no tones.
   */
  readonly tones?: Float64Array;
  /** Decoding and inference, in milliseconds. */
  readonly tookMs: number;
}

/** The model threw. */
export interface Failed extends Reply {
  readonly type: "failed";
  /** The batch it threw on; `null` at the start. */
  readonly batch: number | null;
  /** What it threw, as text. */
  readonly reason: string;
}

/** A reply of a Worker. */
export type FromWorker = Ready | Done | Failed;

/**
 * Packs images for {@linkcode Run}.
 *
 * @param images Encoded images.
 * @returns One buffer to transfer, and the length of each image in bytes.
 */
export function pack(images: readonly Uint8Array[]): Pick<Run, "bytes" | "lengths"> {
  return { bytes: concatBytes(images).buffer, lengths: Uint32Array.from(images, ({ length }) => length) };
}

/**
 * Unpacks images of {@linkcode pack}.
 *
 * @param run What was received.
 * @returns Views of the images, not copies.
 */
export function unpack(run: Pick<Run, "bytes" | "lengths">): Uint8Array[] {
  let at = 0;
  return Array.from(run.lengths, (length) => new Uint8Array(run.bytes, (at += length) - length, length));
}
