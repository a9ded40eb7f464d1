import { Batcher, type BatchLimits } from "./batcher.ts";
import type { Job } from "./job.ts";
import type { Suspects } from "./suspects.ts";

/** A batch that a Worker has. */
export interface GivenBatch {
  readonly batch: Suspects;
  /** Whether it failed before. */
  readonly isSuspected: boolean;
}

/**
 * Batches wait in a Worker for as long as this, by the speed so far, in milliseconds: longer than a
 * transaction of the bus (10 ms) or garbage collection keeps the coordinator's thread busy, or the Worker would idle.
 */
const AHEAD_MS = 20;

/** The images of one model that no Worker has: those that came, and batches that failed, which are retried first. */
export class Mailbox {
  readonly #batcher: Batcher<Job>;
  readonly #suspects: Suspects[] = [];

  /** @param limits When a batch is full. */
  constructor(limits: BatchLimits) {
    this.#batcher = new Batcher(limits);
  }

  /** Whether a full batch waits. */
  get isFull(): boolean {
    return this.#batcher.isFull;
  }

  /** Adds an image at the end. */
  add(job: Job): void {
    this.#batcher.add(job);
  }

  /** As {@linkcode Batcher.dueIn}. */
  dueIn(): number {
    return this.#batcher.dueIn();
  }

  /** As {@linkcode Batcher.took}. */
  took(images: number, ms: number): void {
    this.#batcher.took(images, ms);
  }

  /** Batches to be tried before everything else, the first one first. */
  retry(batches: readonly Suspects[]): void {
    this.#suspects.unshift(...batches);
  }

  /** A batch that was lost behind another one: behind what that one left. */
  putBack(batch: Suspects): void {
    this.#suspects.push(batch);
  }

  /**
   * The next batch for a Worker: what is due if it has none; else a full one, up to {@linkcode AHEAD_MS} of work. Behind suspects
   * nothing waits: they may cost the Worker.
   *
   * @param running What the Worker has, in order.
   * @returns `null` if it gets nothing now.
   */
  take(running: readonly GivenBatch[]): GivenBatch | null {
    if (running.length === 0) {
      const batch = this.#suspects.shift();
      if (batch) return { batch, isSuspected: true };
      return this.#batcher.dueIn() === 0 ? this.#fresh() : null;
    }
    if (this.#suspects.length > 0 || running.some(({ isSuspected }) => isSuspected)) return null;
    const waiting = running.slice(1).reduce((sum, { batch }) => sum + batch.jobs.length, 0);
    return this.#batcher.isFull && this.#batcher.expectedMs(waiting) < AHEAD_MS ? this.#fresh() : null;
  }

  /** Takes all images, those that failed first. */
  takeAll(): Job[] {
    return [...this.#suspects.splice(0).flatMap(({ jobs }) => jobs), ...this.#batcher.takeAll()];
  }

  #fresh(): GivenBatch {
    return { batch: { jobs: this.#batcher.take(), failures: 0 }, isSuspected: false };
  }
}
