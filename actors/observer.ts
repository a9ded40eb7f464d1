/**
 * The contract of an observer: what a service reports of its work, for metrics and traces.
 *
 * - **Few calls.** One at the start, one per batch of a Worker, per batch of results that is stored, per write to a sink and per commit:
 *   never one per image.
 * - **Nothing else depends on it.** A method returns at once: it must not throw, and nothing waits for what it begins.
 *   The images and results that it is passed belong to the service; it must not change or keep them.
 * - **Off costs nothing.** Without an observer, nothing is measured.
 *
 * What happens rarely, such as a model that is down, is a `ServiceEvent`.
 *
 * @module
 */
import type { Settled } from "./sinks/sink.ts";

/** A model of the service. */
export interface ObservedModel {
  /** Its name. */
  readonly model: string;
  /** Its version. */
  readonly version: string;
}

/** An image of a batch. */
export interface ObservedImage {
  /** The id of its request. */
  readonly id: string;
  /** Its size in bytes. */
  readonly bytes: number;
  /** W3C trace context of its request, if it has one. */
  readonly traceparent?: string | undefined;
}

/** A batch that a Worker has ended. */
export interface ObservedBatch extends ObservedModel {
  /** The images. */
  readonly images: readonly ObservedImage[];
  /** When it went to the Worker, in milliseconds since 1970-01-01 UTC. */
  readonly startedAt: number;
  /** Decoding and inference, in milliseconds; after a failure, the time until then. */
  readonly tookMs: number;
  /** Brightness and contrast of each image, as in `Done.tones`; absent if its model has no reference of them. */
  readonly tones?: Float64Array;
  /** Why the whole batch failed, and is retried in parts; `null` when each image has its outcome. */
  readonly error: string | null;
}

/** An attempt of a sink to store a batch. */
export interface ObservedWrite {
  /** Name of the sink. */
  readonly sink: string;
  /** Number of results. */
  readonly results: number;
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
  /** Whether it rejected; then the same batch comes again. */
  readonly failed: boolean;
}

/** An attempt to commit offsets. */
export interface ObservedCommit {
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
  /** Whether it failed; then it is retried, or others own the partitions. */
  readonly failed: boolean;
}

/** Notified of the work of a service. See the contract above. */
export interface Observer {
  /** The models are loaded, and the bus is about to be read. Called first, once. */
  serving?(models: readonly ObservedModel[]): void;
  /** A Worker has ended a batch. */
  batch?(batch: ObservedBatch): void;
  /** Every sink has stored these results: each image once per service, failures included. */
  stored?(results: readonly Settled[]): void;
  /** A sink has stored a batch, or rejected it. */
  sinkWrite?(write: ObservedWrite): void;
  /** Offsets were committed, or could not be. */
  commit?(commit: ObservedCommit): void;
}
