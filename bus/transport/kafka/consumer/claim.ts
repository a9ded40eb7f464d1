import type { Claim, Message } from "../../transport.ts";
import { Backoff } from "../../../../lib/backoff.ts";
import type { TopicPosition } from "../topics.ts";
import { decodeBatch } from "../wire/batches.ts";
import type { FetchedBatch } from "../wire/requests.ts";

const MESSAGE_OVERHEAD_BYTES = 100;

/**
 * A claim with its buffer: the fetched messages between what was delivered and `position`. Gaps in between are
 * records that nobody may see.
 */
export class OwnedClaim implements Claim {
  readonly topic: string;
  readonly partition: number;
  /** Messages from this offset on are not delivered. */
  readonly end: number;
  /** The offset to fetch next. */
  position: number;
  /** Whether a fetch is pending. */
  isFetching = false;
  /** Whether the last fetch without a wait found nothing. */
  isCaughtUp = false;
  /** Whether fetching is suspended because of a fault of this partition. */
  isSuspended = false;
  /** Whether the timestamps of its messages are the broker's, so that they ascend with the offsets. */
  isAppendTime = false;
  /** When the last delivered message was stored, in milliseconds since 1970-01-01 UTC; `null` before the first. */
  deliveredAt: number | null = null;
  /** What was stored before this time is not wanted, in milliseconds since 1970-01-01 UTC. */
  readonly since: number;
  /** A broker that is closer than the leader, and until when it is used, by `performance.now()`. */
  replica: { readonly node: number; readonly until: number } | null = null;
  /** Whether nothing more is delivered, because the partition is about to move to another member. */
  isReleasing = false;
  /** The last of its transactions; they run one after another. */
  committing: Promise<void> = Promise.resolve();
  /** For faults of this partition alone. */
  readonly backoff = new Backoff();
  readonly #lost = new AbortController();
  /** Decoded, and next to be delivered. */
  #buffer: Message[] = [];
  /** Decoded when they are about to be delivered: as bytes they cost the garbage collector nothing. */
  #coming: { readonly batch: FetchedBatch; readonly from: number }[] = [];
  #bufferedBytes = 0;
  #delivered: number;
  #committed: number;

  /**
   * @param start Where delivery starts.
   * @param end Where it ends, exclusive.
   * @param since As the property.
   */
  constructor({ topic, partition, offset }: TopicPosition, end = Infinity, since = 0) {
    this.since = since;
    this.topic = topic;
    this.partition = partition;
    this.end = end;
    this.position = this.#delivered = this.#committed = offset;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Approximate size of the buffer, in bytes. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Whether the buffer holds messages: a batch can be empty. */
  get hasMessages(): boolean {
    this.#decode(1);
    return this.#buffer.length > 0;
  }

  /** Whether everything up to its end has been fetched. */
  get isFetched(): boolean {
    return this.position >= this.end;
  }

  /** Whether everything delivered has been committed. */
  get isDrained(): boolean {
    return this.#committed >= this.#delivered;
  }

  /** Whether only records that nobody may see (markers, aborted messages) follow the last commit. */
  get isPastCommit(): boolean {
    return this.isDrained && !this.hasMessages && this.position > this.#committed;
  }

  /**
   * Adds fetched batches to the buffer.
   *
   * @param batches In the order of the partition.
   * @param from The offset that was asked for: brokers return whole batches, also what is before it.
   */
  append(batches: readonly FetchedBatch[], from: number): void {
    for (const batch of batches) {
      this.#coming.push({ batch, from });
      this.#bufferedBytes += batch.bytes.length;
    }
  }

  /** Decodes batches until so many messages are in the buffer, or all of them. */
  #decode(count: number): void {
    const { topic, partition } = this;
    while (this.#buffer.length < count && this.#coming.length > 0) {
      const { batch, from } = this.#coming.shift()!;
      this.#bufferedBytes -= batch.bytes.length;
      for (const message of decodeBatch(batch, { topic, partition })) {
        if (message.offset < from || message.offset >= this.end) continue;
        this.#buffer.push(message);
        this.#bufferedBytes += heldBytes(message);
      }
    }
  }

  /** Takes the next messages from the buffer: at least one, at most `maxMessages`, and about `maxBytes`. */
  take(maxMessages: number, maxBytes: number): Message[] {
    this.#decode(maxMessages);
    let [count, bytes] = [1, heldBytes(this.#buffer[0]!)];
    while (count < Math.min(maxMessages, this.#buffer.length)) {
      bytes += heldBytes(this.#buffer[count]!);
      if (bytes > maxBytes) break;
      count++;
    }
    const messages = this.#buffer.splice(0, count);
    for (const message of messages) this.#bufferedBytes -= heldBytes(message);
    this.#delivered = messages.at(-1)!.offset + 1;
    this.deliveredAt = messages.at(-1)!.timestamp;
    return messages;
  }

  /** Drops the buffer; it will be fetched again. */
  drop(): void {
    if (this.hasMessages) this.position = this.#buffer[0]!.offset;
    this.#buffer = [];
    this.#coming = [];
    this.#bufferedBytes = 0;
  }

  /** Everything before this offset has been committed. */
  committed(offset: number): void {
    this.#committed = offset;
  }

  /** Ends the claim. */
  lose(): void {
    this.drop();
    this.#lost.abort();
  }
}

/** Approximate memory of a message, in bytes. */
function heldBytes({ key, value }: Message): number {
  return MESSAGE_OVERHEAD_BYTES + (key?.length ?? 0) + value.length;
}
