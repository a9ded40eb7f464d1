import type { TopicPartition } from "../topics.ts";
import type { RecordToSend } from "../wire/record_batch.ts";

/** Largest batch by default; brokers accept 1,048,588 bytes if a topic has no limit of its own. */
const BATCH_BYTES = 1_000_000;

/**
 * The records for one partition. At most one batch is pending: that keeps the order when it has to be sent again, and in a
 * transaction also its sequence number.
 */
export class RecordQueue<T extends { readonly record: RecordToSend }> implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** The batch that is being sent. */
  pending: readonly T[] = [];
  /** When a batch was last settled, by `performance.now()`. */
  progressedAt = 0;
  #isSending = false;
  #waiting: T[] = [];
  #batchBytes = BATCH_BYTES;

  constructor({ topic, partition }: TopicPartition) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Whether a batch can be taken. */
  get isReady(): boolean {
    return !this.#isSending && !this.isIdle;
  }

  /** Whether it holds no records. */
  get isIdle(): boolean {
    return this.pending.length === 0 && this.#waiting.length === 0;
  }

  push(one: T): void {
    this.#waiting.push(one);
  }

  /** Begins to send the pending batch, or makes the next one pending: at least one record, however large. */
  take(): readonly T[] {
    this.#isSending = true;
    if (this.pending.length > 0) return this.pending;
    let [count, bytes] = [1, this.#waiting[0]!.record.bytes];
    while (count < this.#waiting.length && bytes + this.#waiting[count]!.record.bytes <= this.#batchBytes) {
      bytes += this.#waiting[count++]!.record.bytes;
    }
    return this.pending = this.#waiting.splice(0, count);
  }

  /** The pending batch is stored or rejected: returns it. */
  settle(): readonly T[] {
    this.#isSending = false;
    const settled = this.pending;
    this.pending = [];
    this.progressedAt = performance.now();
    return settled;
  }

  /** It is not known whether the pending batch was stored: it is to be sent again as it is. */
  keep(): void {
    this.#isSending = false;
  }

  /** The pending batch was not stored: its records are the next again. */
  putBack(): void {
    this.#isSending = false;
    this.#waiting.unshift(...this.pending);
    this.pending = [];
  }

  /**
   * The pending batch was rejected as too large: its records are the next again, in smaller batches.
   *
   * @param limit Size of the largest batch that the topic accepts, in bytes; `null` if it is not known.
   */
  divide(limit: number | null): void {
    this.#batchBytes = Math.max(1, Math.min(limit ?? Infinity, Math.floor(this.#batchBytes / 2)));
    this.putBack();
  }

  /** Drops the waiting records for which `isDropped` holds, and returns them. */
  drop(isDropped: (one: T) => boolean): T[] {
    const dropped = this.#waiting.filter(isDropped);
    if (dropped.length > 0) this.#waiting = this.#waiting.filter((one) => !isDropped(one));
    return dropped;
  }

  /** All records, pending ones first. */
  *[Symbol.iterator](): Generator<T> {
    yield* this.pending;
    yield* this.#waiting;
  }
}
