/**
 * The contract between imagebus and a message log: Kafka, the embedded SQLite bus, or memory.
 *
 * A transport moves bytes. It knows nothing of images, models or CloudEvents. Its model is Kafka's: named
 * **topics**, each split into **partitions**, each an append-only log whose messages are numbered by
 * **offset** from 0 upwards.
 *
 * ### What every transport guarantees
 *
 * - **Storing.** {@linkcode Transport.send} resolves when the message is stored; it then survives the end of
 *   all processes, except with `memory:` (docs/guarantees.md: power failures). Until then nothing
 *   is guaranteed, though it may have been delivered already. A message whose `send` rejected may have been stored all the same, since the response can
 *   get lost: receivers must recognise repeated ids.
 * - **Order.** Messages with equal keys go to the same partition. Messages that one transport sends to a
 *   partition keep the order of the calls, even if the calls are not awaited.
 * - **At-least-once delivery.** A message is delivered to each group until the group has committed an offset
 *   past it. Within one {@linkcode Claim} each offset is delivered once, in ascending order, with no gaps
 *   except those in the log itself (retention, compaction, transaction markers).
 * - **Exactly-once delivery**, for a subscription that asks for it ({@linkcode SubscribeOptions.delivery}):
 *   see {@linkcode TransactionalCommits}.
 * - **Only committed messages are delivered**: none of a transaction that was aborted or is still open. An
 *   open transaction blocks what follows it in its partitions until it ends: when the claim has a new owner,
 *   or at its timeout (Kafka: two sessions, at least 10 s).
 * - **One owner.** Within a group each partition is claimed by at most one subscription at a time, as far as
 *   the group knows. An owner that has lost its claim cannot commit ({@linkcode Subscription.commit}).
 * - **Back-pressure.** A subscription whose iterator is not advanced buffers a bounded number of bytes and
 *   stops fetching. It stays a member of its group meanwhile, and continues as soon as the iterator is
 *   advanced.
 * - **Reconnecting.** A transport whose bus becomes unavailable reconnects, for ever, with growing, jittered
 *   pauses, and reports each change as a {@linkcode TransportEvent}. An error that is not retriable (a
 *   corrupt file, denied access) is thrown.
 *
 * @module
 */
import type { Batch, Claim, OutgoingMessage } from "./message.ts";
import type { Delivery, TransactionalCommits } from "./transactional.ts";

export type * from "./message.ts";
export type * from "./transactional.ts";

/** How to subscribe. */
export interface SubscribeOptions {
  /**
   * The group that shares the work and keeps its progress. Without a group the subscription claims every
   * partition for itself, also those that are added later; nothing is kept, and `commit` does nothing.
   */
  readonly group?: string;
  /**
   * Where to start if the group has committed nothing for a partition, or there is no group. `"start"` is the
   * oldest message that is kept. `"end"` is determined before `subscribe` resolves: everything sent after
   * that is delivered, even if the group leaves and rejoins before its first commit. A time, only without a
   * group: the first message of each partition whose timestamp is not before it.
   *
   * @default {"start"}
   */
  readonly from?: "start" | "end" | Date;
  /**
   * Where to stop; only without a group. `"end"` is determined before `subscribe` resolves: the iteration
   * ends once everything that was stored by then, and is still kept, has been delivered, and delivers nothing
   * that is stored later. A transaction that is open by then is waited for. Without this option the iteration
   * waits for more messages.
   */
  readonly until?: "end";
  /**
   * `"exactly-once"`: the progress of the group is stored only by
   * {@linkcode TransactionalCommits.commitWith}, together with the outcome. Requires a group, and the same
   * delivery for all of its members: one with another delivery stores its results outside of transactions.
   *
   * @default {"at-least-once"}
   */
  readonly delivery?: Delivery;
  /**
   * Largest number of messages in one {@linkcode Batch}.
   *
   * @default {512}
   */
  readonly maxBatchMessages?: number;
  /** Ends the attempt to subscribe: `subscribe` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Messages of some topics. Iterate it once, with one `for await`.
 *
 * The iteration ends (without an error) when the subscription or its transport is closed, or at
 * {@linkcode SubscribeOptions.until}, and throws a `BusError` if it cannot continue. Leaving the loop does
 * not close the subscription.
 */
export interface Subscription extends AsyncIterable<Batch>, AsyncDisposable, TransactionalCommits {
  /** Stops the delivery of these topics until `resume`; the claims stay, and so do delivered batches. */
  pause(topics: Iterable<string>): void;
  /** Continues the delivery of these topics, at once and without a gap. */
  resume(topics: Iterable<string>): void;
  /**
   * Stores for the group how far each claim has been processed. The last call counts, even if its offset is
   * lower.
   *
   * @param positions For each claim the offset of the next message to deliver: the last processed one plus 1.
   * Lost claims are skipped without an error; check {@linkcode Claim.lost}.
   * @throws {BusError} `unavailable` if it could not be stored now: the caller may retry. `invalid` with
   * exactly-once delivery.
   */
  commit(positions: ReadonlyMap<Claim, number>): Promise<void>;
  /**
   * Stops delivering and releases the claims to the group, so that other members take over at once. Pending
   * calls to `commit` are finished first. May be called more than once, and inside the loop.
   */
  close(): Promise<void>;
}

/** State of a partition. */
export interface PartitionInfo {
  /** Its number, from 0. */
  readonly partition: number;
  /** Offset of the oldest message kept. */
  readonly start: number;
  /** Offset of the next message to be stored. */
  readonly end: number;
  /**
   * Offset that the given group has committed: from its first claim on where it started; `null` if no member of
   * the group has ever claimed the partition.
   */
  readonly committed: number | null;
}

/** State of a topic. */
export interface TopicInfo {
  /** Its name. */
  readonly name: string;
  /** Its partitions in ascending order. */
  readonly partitions: readonly PartitionInfo[];
}

/** Which topics, by a list of names or a predicate on names. */
export type WantedTopics = readonly string[] | ((name: string) => boolean);

/** A change of the connection or of the claims, for logs and health; never needed for correctness. */
export type TransportEvent =
  | { readonly type: "connected" }
  | { readonly type: "disconnected"; readonly reason: string }
  /** Of a claim; see {@linkcode Message.undecodable}. */
  | {
    readonly type: "undecodable";
    readonly topic: string;
    readonly partition: number;
    readonly reason: string;
  }
  /**
   * A part of the bus (a partition, a group) fails for some seconds and is retried, or the bus slows this side down because
   * of a quota.
   */
  | { readonly type: "delayed"; readonly what: string; readonly reason: string }
  /** What was delayed works again, or is not needed any more. */
  | { readonly type: "recovered"; readonly what: string }
  | {
    readonly type: "claimed" | "lost";
    readonly topic: string;
    readonly partition: number;
    /** Why this side gave it up itself: the outcome of a transaction is open, or the end of the log was lost. */
    readonly reason?: string;
  };

/** How to store messages. */
export interface SendMessagesOptions {
  /** Withdraws what is not stored yet: `send` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * They answer messages that the bus has accepted, and are stored even where it is full (`queue_full`): only when they are
   * stored can what they answer be committed and removed. Kafka has no such limit.
   *
   * @default {false}
   */
  readonly isAnswer?: boolean;
}

/** A connection to a message log. All methods can be called concurrently. */
export interface Transport extends AsyncDisposable {
  /** Where it is connected to, human-readable, without credentials. */
  readonly url: string;
  /** Size of the largest value that `send` accepts, in bytes. */
  readonly maxMessageBytes: number;
  /** Why the bus is unavailable, as in the last `disconnected` event; `null` while it is available. */
  readonly unavailable: string | null;
  /**
   * Stores messages in a topic, in this order within each partition. If it rejects, any part of them may have
   * been stored.
   *
   * Pending messages are bounded in bytes: above the limit `send` waits rather than fails. The topic is
   * created if it does not exist.
   *
   * @throws {BusError} `too_large`, `queue_full`, `unavailable`, `closed`, `denied`.
   */
  send(
    topic: string,
    messages: readonly OutgoingMessage[],
    options?: SendMessagesOptions,
  ): Promise<void>;
  /**
   * Starts to receive. Resolves when the subscription is in place: with `from: "end"`, nothing sent later is
   * missed; with a group, claims may come later. Topics that do not exist are created.
   *
   * @throws {BusError} `unavailable`, `closed`, `denied`, `invalid` (no topic, a topic name that is `.`, `..`
   * or outside of `[A-Za-z0-9._-]{1,249}`, an invalid option, or a group on a compacted topic, whose messages may be
   * removed before they are delivered).
   */
  subscribe(topics: readonly string[], options?: SubscribeOptions): Promise<Subscription>;
  /** Creates the topics that do not exist yet; leaves the others as they are. */
  ensureTopics(topics: readonly string[]): Promise<void>;
  /**
   * Lists topics, sorted by name, except internal ones of the bus. Partitions that have no leader at the moment are left
   * out.
   *
   * @param group Whose commits to include.
   * @param wanted Which topics: only for these are offsets looked up, which is expensive on a large cluster.
   * @default {all}
   * @throws {BusError} `unavailable`, `closed`; `denied` if a topic in a list of names may not be seen. Those that do not
   * exist, and without such a list also those that may not be seen, are left out.
   */
  topics(group?: string, wanted?: WantedTopics): Promise<TopicInfo[]>;
  /**
   * Removes the oldest messages of a topic, for all groups and readers. What has been delivered is not affected; a reader
   * that has not come so far continues after them.
   *
   * @param topic A topic; one that does not exist has nothing to remove.
   * @param before By partition, the offset of the first message to keep, at most that of the next message to be stored.
   * Other partitions stay as they are.
   * @throws {BusError} `unavailable`, `closed`, `denied`, `invalid`.
   */
  removeBefore(topic: string, before: ReadonlyMap<number, number>): Promise<void>;
  /**
   * Waits for pending sends (at most 30 s), closes all subscriptions, and frees everything. May be called
   * more than once. All later calls reject with `closed`.
   */
  close(): Promise<void>;
}

/** Options of every transport; each adds its own. Ranges: docs/options.md. */
export interface TransportOptions {
  /** Largest value that `send` accepts, in bytes. @default {15_728_640} */
  readonly maxMessageBytes?: number;
  /** Partitions of the topics that this transport creates: as many services can share one topic. @default {4} */
  readonly partitions?: number;
  /** Called with each change of the connection. Must not throw. */
  readonly onEvent?: (event: TransportEvent) => void;
}

/** Limit on key and headers of one message together, in bytes. */
export const MAX_METADATA_BYTES = 65_536;
