/** When a batch is full. */
export interface BatchLimits {
  /** Largest number of images in a batch. */
  readonly maxBatch: number;
  /** Largest size of a batch in bytes; a larger image goes alone. */
  readonly maxBatchBytes: number;
  /**
   * How long an idle Worker waits for a batch to fill, in milliseconds; 0: it takes what is there. While
   * every Worker is busy a batch grows anyway, so under load waiting gains nothing.
   */
  readonly maxBatchWaitMs: number;
  /**
   * How long a batch may take by the speed so far, in milliseconds: all of it is settled when its last image is, so large
   * batches of a slow model make those who ask wait. Batches of 4 may take longer: smaller ones cost throughput.
   */
  readonly maxBatchMs: number;
}

const MIN_PACED_BATCH = 4;
/** In milliseconds, before anything was measured. */
const FIRST_MS_PER_ITEM = 0.5;
/** Share of what was measured before that is kept with each batch. */
const KEPT = 0.9;

/** What can be batched. */
export interface Sized {
  /** Its size in bytes. */
  readonly bytes: number;
}

/**
 * Groups items in the order they came into batches, by number, bytes, and the time that they wait and take.
 *
 * @example
 * ```ts
 * import { Batcher } from "./batcher.ts";
 * const batcher = new Batcher({ maxBatch: 2, maxBatchBytes: 100, maxBatchWaitMs: 0, maxBatchMs: 10 });
 * for (const bytes of [10, 10, 10]) batcher.add({ bytes });
 * if (batcher.take().length !== 2 || batcher.take().length !== 1) throw new Error("unexpected");
 * ```
 */
export class Batcher<T extends Sized> {
  readonly #limits: BatchLimits;
  #queue: { readonly item: T; readonly since: number }[] = [];
  #head = 0;
  #bytes = 0;
  #tookItems = 1;
  #tookMs = FIRST_MS_PER_ITEM;

  /** @param limits When a batch is full. */
  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  /** Number of items that wait. */
  get size(): number {
    return this.#queue.length - this.#head;
  }

  /** Largest number of items in the next batch. */
  get largest(): number {
    const { maxBatch, maxBatchMs } = this.#limits;
    const paced = Math.floor(maxBatchMs / this.expectedMs(1));
    return Math.min(maxBatch, Math.max(MIN_PACED_BATCH, paced));
  }

  /** Whether the next batch cannot grow. */
  get isFull(): boolean {
    return this.size >= this.largest || this.#bytes >= this.#limits.maxBatchBytes;
  }

  /** How long so many items take by the speed so far, in milliseconds. */
  expectedMs(items: number): number {
    return items * this.#tookMs / this.#tookItems;
  }

  /** Records how long a batch took, in milliseconds. */
  took(items: number, ms: number): void {
    this.#tookItems = KEPT * this.#tookItems + items;
    this.#tookMs = KEPT * this.#tookMs + ms;
  }

  /** Adds an item at the end. */
  add(item: T, now: number = performance.now()): void {
    this.#queue.push({ item, since: now });
    this.#bytes += item.bytes;
  }

  /**
   * How long until the next batch is due, in milliseconds: 0 when it is full or its first item has waited
   * long enough, `Infinity` when there is nothing.
   */
  dueIn(now: number = performance.now()): number {
    const first = this.#queue[this.#head];
    if (!first) return Infinity;
    return this.isFull ? 0 : Math.max(0, first.since + this.#limits.maxBatchWaitMs - now);
  }

  /** Takes the next batch, due or not; empty when there is nothing. */
  take(): T[] {
    const batch: T[] = [];
    const { largest } = this;
    let bytes = 0;
    for (; batch.length < largest; this.#head++) {
      const item = this.#queue[this.#head]?.item;
      if (!item || (batch.length > 0 && bytes + item.bytes > this.#limits.maxBatchBytes)) break;
      bytes += item.bytes;
      batch.push(item);
    }
    this.#bytes -= bytes;
    this.#compact();
    return batch;
  }

  /** Takes all items. */
  takeAll(): T[] {
    const items = this.#queue.slice(this.#head).map(({ item }) => item);
    [this.#queue, this.#head, this.#bytes] = [[], 0, 0];
    return items;
  }

  #compact(): void {
    if (this.#head < 1024 && this.#head < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
