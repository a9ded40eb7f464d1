import type { Claim, Message } from "../../transport.ts";
import { heldBytes, toMessage } from "../wire/messages.ts";
import { Backoff } from "../../../../lib/backoff.ts";
import type { FetchedRecord } from "../wire/requests.ts";
import type { TopicPosition } from "../topics.ts";

/** A claim with what was fetched for it and not handed out yet. */
export class OwnedClaim implements Claim {
  readonly topic: string;
  readonly partition: number;
  /** Messages from this offset on are not delivered. */
  readonly end: number;
  /** The offset to fetch next. */
  position: number;
  /** Whether a fetch is under way. */
  isFetching = false;
  /** Whether the last fetch that did not wait found nothing. */
  isCaughtUp = false;
  /** Whether nothing is fetched for the moment: the partition is in trouble. */
  isResting = false;
  /** Whether nothing is handed out any more: it is about to be given back. */
  isHeld = false;
  /** The last of its transactions: one follows the other. */
  committing: Promise<void> = Promise.resolve();
  /** The pauses between fetches that fail for this partition alone. */
  readonly backoff = new Backoff();
  readonly #lost = new AbortController();
  #buffer: FetchedRecord[] = [];
  #bufferedBytes = 0;
  #delivered: number;
  #committed: number;

  /**
   * @param start Where delivery begins.
   * @param end Where it ends.
   */
  constructor({ topic, partition, offset }: TopicPosition, end = Infinity) {
    this.topic = topic;
    this.partition = partition;
    this.end = end;
    this.position = this.#delivered = this.#committed = offset;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** How many bytes wait here. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Whether messages wait here. */
  get hasMessages(): boolean {
    return this.#buffer.length > 0;
  }

  /** Whether everything up to its end was fetched. */
  get isFetched(): boolean {
    return this.position >= this.end;
  }

  /** Whether all that was handed out is committed. */
  get isDrained(): boolean {
    return this.#committed >= this.#delivered;
  }

  /** Whether nothing is left before its position, and the group does not know that: what came last is for nobody to see. */
  get isPastCommit(): boolean {
    return this.isDrained && !this.hasMessages && this.position > this.#committed;
  }

  /** Adds what was fetched. */
  append(records: readonly FetchedRecord[]): void {
    for (const record of records) {
      if (Number(record.offset) >= this.end) return;
      this.#buffer.push(record);
      this.#bufferedBytes += heldBytes(record);
    }
  }

  /** Hands out the next messages: at least one, not more than so many, and about so many bytes. */
  take(maxMessages: number, maxBytes: number): Message[] {
    let [count, bytes] = [1, heldBytes(this.#buffer[0]!)];
    while (count < Math.min(maxMessages, this.#buffer.length)) {
      bytes += heldBytes(this.#buffer[count]!);
      if (bytes > maxBytes) break;
      count++;
    }
    const records = this.#buffer.splice(0, count);
    for (const record of records) this.#bufferedBytes -= heldBytes(record);
    this.#delivered = Number(records.at(-1)!.offset) + 1;
    return records.map((record) => toMessage(this.topic, this.partition, record));
  }

  /** Forgets what waits here; it will be fetched again. */
  drop(): void {
    if (this.hasMessages) this.position = Number(this.#buffer[0]!.offset);
    this.#buffer = [];
    this.#bufferedBytes = 0;
  }

  /** What was handed out before this offset is committed. */
  committed(offset: number): void {
    this.#committed = offset;
  }

  /** The partition is no longer ours. */
  lose(): void {
    this.drop();
    this.#lost.abort();
  }
}
