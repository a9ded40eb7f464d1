import type { RecordToSend } from "../wire/record_batch.ts";

/** One call of `send`: settled when all of its records are stored, or the first one failed. */
export class Sending {
  /** When it was called, by `performance.now()`. */
  readonly since = performance.now();
  readonly #outcome = Promise.withResolvers<void>();
  #remaining: number;
  #isSettled = false;

  /** @param records How many records it has: at least one. */
  constructor(records: number) {
    this.#remaining = records;
    this.#outcome.promise.catch(() => {});
  }

  /** What `send` returns. */
  get outcome(): Promise<void> {
    return this.#outcome.promise;
  }

  /** Whether it is over. Nothing of it is sent after that. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** One of its records is stored. */
  stored(): void {
    if (--this.#remaining > 0) return;
    this.#isSettled = true;
    this.#outcome.resolve();
  }

  /** It failed; what is stored stays stored. */
  fail(error: unknown): void {
    this.#isSettled = true;
    this.#outcome.reject(error);
  }
}

/** A record that waits to be stored. */
export interface PendingRecord {
  readonly record: RecordToSend;
  readonly sending: Sending;
}

/** What waits for one partition. At most one batch of it is under way, which keeps the order when one is repeated. */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** The batch under way. */
  underWay: readonly PendingRecord[] = [];
  /** When something was last stored, by `performance.now()`. */
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
    return this.underWay.length === 0 && this.#waiting.length > 0;
  }

  /** Whether nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return this.underWay.length === 0 && this.#waiting.length === 0;
  }

  push(pending: PendingRecord): void {
    this.#waiting.push(pending);
  }

  /** Takes what fits into one batch: at least one record, however large. */
  take(): readonly PendingRecord[] {
    let [count, bytes] = [1, this.#waiting[0]!.record.bytes];
    while (count < this.#waiting.length && bytes + this.#waiting[count]!.record.bytes <= this.#batchBytes) {
      bytes += this.#waiting[count++]!.record.bytes;
    }
    return this.underWay = this.#waiting.splice(0, count);
  }

  /** The batch under way was not stored: it is the next again. */
  putBack(): void {
    this.#waiting.unshift(...this.underWay);
    this.underWay = [];
  }

  /** The topic takes smaller batches. */
  shrink(batchBytes: number): void {
    this.#batchBytes = Math.min(this.#batchBytes, Math.max(1, batchBytes));
  }

  /** The size that batches may have. */
  get batchBytes(): number {
    return this.#batchBytes;
  }

  /**
   * Drops records whose sending is settled.
   *
   * @returns The dropped ones.
   */
  purge(): PendingRecord[] {
    const dropped = this.#waiting.filter(({ sending }) => sending.isSettled);
    if (dropped.length > 0) this.#waiting = this.#waiting.filter(({ sending }) => !sending.isSettled);
    return dropped;
  }

  /** Everything that is not stored yet. */
  *pending(): Generator<PendingRecord> {
    yield* this.underWay;
    yield* this.#waiting;
  }
}
