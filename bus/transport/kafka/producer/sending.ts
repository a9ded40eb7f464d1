import type { RecordToSend } from "../wire/record_batch.ts";

/** One call of `send`: settled when all of its records are stored, or the first one has failed. */
export class Sending {
  /** When it was called, by `performance.now()`. */
  readonly since = performance.now();
  readonly #outcome = Promise.withResolvers<void>();
  #remaining: number;
  #isSettled = false;

  /** @param records Number of records: at least one. */
  constructor(records: number) {
    this.#remaining = records;
    this.#outcome.promise.catch(() => {});
  }

  /** The result of `send`. */
  get outcome(): Promise<void> {
    return this.#outcome.promise;
  }

  /** Whether it is settled. Its remaining records are not sent then. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** One of its records is stored. */
  stored(): void {
    if (--this.#remaining > 0) return;
    this.#isSettled = true;
    this.#outcome.resolve();
  }

  /** Fails it; records that are stored stay stored. */
  fail(error: unknown): void {
    this.#isSettled = true;
    this.#outcome.reject(error);
  }
}

/** A record that is not stored yet. */
export interface PendingRecord {
  readonly record: RecordToSend;
  readonly sending: Sending;
}

/** The records for one partition. At most one batch is pending, which keeps the order when it is retried. */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** The batch that is being sent. */
  pending: readonly PendingRecord[] = [];
  /** When a batch was last stored, by `performance.now()`. */
  progressedAt = 0;
  #waiting: PendingRecord[] = [];
  #batchBytes: number;

  constructor(topic: string, partition: number, batchBytes: number) {
    this.topic = topic;
    this.partition = partition;
    this.#batchBytes = batchBytes;
  }

  /** Whether a batch can be taken. */
  get isReady(): boolean {
    return this.pending.length === 0 && this.#waiting.length > 0;
  }

  /** Whether it holds no records. */
  get isIdle(): boolean {
    return this.pending.length === 0 && this.#waiting.length === 0;
  }

  push(pending: PendingRecord): void {
    this.#waiting.push(pending);
  }

  /** Makes the next batch pending: at least one record, however large. */
  take(): readonly PendingRecord[] {
    let [count, bytes] = [1, this.#waiting[0]!.record.bytes];
    while (count < this.#waiting.length && bytes + this.#waiting[count]!.record.bytes <= this.#batchBytes) {
      bytes += this.#waiting[count++]!.record.bytes;
    }
    return this.pending = this.#waiting.splice(0, count);
  }

  /** The pending batch was not stored: its records are the next again. */
  putBack(): void {
    this.#waiting.unshift(...this.pending);
    this.pending = [];
  }

  /** The topic accepts only smaller batches. */
  shrink(batchBytes: number): void {
    this.#batchBytes = Math.min(this.#batchBytes, Math.max(1, batchBytes));
  }

  /** Limit on the size of a batch, in bytes. */
  get batchBytes(): number {
    return this.#batchBytes;
  }

  /**
   * Drops waiting records whose sending is settled.
   *
   * @returns The dropped records.
   */
  purge(): PendingRecord[] {
    const dropped = this.#waiting.filter(({ sending }) => sending.isSettled);
    if (dropped.length > 0) this.#waiting = this.#waiting.filter(({ sending }) => !sending.isSettled);
    return dropped;
  }

  /** All records, pending ones first. */
  *records(): Generator<PendingRecord> {
    yield* this.pending;
    yield* this.#waiting;
  }
}
