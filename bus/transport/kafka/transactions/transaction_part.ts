import type { CommittedMessage } from "../../transport.ts";
import { type RecordToSend, toRecord } from "../wire/record_batch.ts";
import type { TopicPartition } from "../topics.ts";

/** A record of a transaction that is not stored yet. */
interface WaitingRecord {
  readonly record: RecordToSend;
  readonly from: CommittedMessage;
}

/** The records of a transaction for one partition, sent one batch after another. */
export class TransactionPart implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly #waiting: WaitingRecord[] = [];
  #batchBytes: number;
  #count = 0;

  /** @param batchBytes Limit on the size of a batch; a larger record is sent alone. */
  constructor({ topic, partition }: TopicPartition, batchBytes: number) {
    this.topic = topic;
    this.partition = partition;
    this.#batchBytes = batchBytes;
  }

  /** Whether all records are stored. */
  get isDone(): boolean {
    return this.#waiting.length === 0;
  }

  /** The first record of the next batch. */
  get first(): RecordToSend {
    return this.#waiting[0]!.record;
  }

  add(from: CommittedMessage): void {
    this.#waiting.push({ record: toRecord(from.message), from });
  }

  /** The next batch; the same one until it is stored or divided. */
  batch(): RecordToSend[] {
    let bytes = 0;
    const end = this.#waiting.findIndex(({ record }, index) =>
      (bytes += record.bytes) > this.#batchBytes && index > 0
    );
    const batch = this.#waiting.slice(0, end < 0 ? undefined : end).map(({ record }) => record);
    this.#count = batch.length;
    return batch;
  }

  /** Drops the remaining records. */
  giveUp(): void {
    this.#waiting.length = 0;
  }

  /** The batch is stored. @returns The number of its records. */
  stored(): number {
    return this.#waiting.splice(0, this.#count).length;
  }

  /**
   * The batch is too large for the topic: makes the next one smaller.
   *
   * @param limit Size of the largest batch that the topic accepts, in bytes, if it is known.
   * @returns If the batch had a single record, its message, which is removed; otherwise `null`.
   */
  divide(limit: number | null): CommittedMessage | null {
    if (this.#count === 1) return this.#waiting.shift()!.from;
    this.#batchBytes = Math.max(1, Math.min(limit ?? Infinity, Math.floor(this.#batchBytes / 2)));
    return null;
  }
}
