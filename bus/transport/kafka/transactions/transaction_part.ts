import type { CommittedMessage } from "../../transport.ts";
import { type RecordToSend, toRecord } from "../wire/record_batch.ts";
import type { TopicPartition } from "../topics.ts";

/** A record of a transaction that is not stored yet. */
interface WaitingRecord {
  readonly record: RecordToSend;
  readonly from: CommittedMessage;
}

/** What a transaction sends to one partition: one batch after the other. */
export class TransactionPart implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly #waiting: WaitingRecord[] = [];
  #batchBytes: number;
  #count = 0;

  /** @param batchBytes The most bytes of a batch; a larger record goes alone. */
  constructor({ topic, partition }: TopicPartition, batchBytes: number) {
    this.topic = topic;
    this.partition = partition;
    this.#batchBytes = batchBytes;
  }

  /** Whether everything is stored. */
  get isDone(): boolean {
    return this.#waiting.length === 0;
  }

  /** The record that is first in the next batch. */
  get first(): RecordToSend {
    return this.#waiting[0]!.record;
  }

  add(from: CommittedMessage): void {
    this.#waiting.push({ record: toRecord(from.message), from });
  }

  /** The next batch: the same again until it is stored, or divided. */
  batch(): RecordToSend[] {
    let bytes = 0;
    const end = this.#waiting.findIndex(({ record }, index) =>
      (bytes += record.bytes) > this.#batchBytes && index > 0
    );
    const batch = this.#waiting.slice(0, end < 0 ? undefined : end).map(({ record }) => record);
    this.#count = batch.length;
    return batch;
  }

  /** Nothing more is sent. */
  giveUp(): void {
    this.#waiting.length = 0;
  }

  /** @returns How many records the batch had. */
  stored(): number {
    return this.#waiting.splice(0, this.#count).length;
  }

  /**
   * The batch is too large for the topic: the next one is smaller.
   *
   * @param limit What the topic takes, if that is known.
   * @returns The message, when it was alone in the batch; it is taken out.
   */
  divide(limit: number | null): CommittedMessage | null {
    if (this.#count === 1) return this.#waiting.shift()!.from;
    this.#batchBytes = Math.max(1, Math.min(limit ?? Infinity, Math.floor(this.#batchBytes / 2)));
    return null;
  }
}
