/**
 * The contract between imagebus and a message log: Kafka, the embedded SQLite bus, or memory.
 *
 * A transport moves bytes. It knows nothing of images, models or CloudEvents. Its model is Kafka's: named **topics**,
 * each split into **partitions**, each an append-only log whose messages are numbered by **offset** from 0 upwards.
 *
 * ### What every transport promises
 *
 * - **Storing.** {@linkcode Transport.send} resolves when the message is stored as durably as the transport stores
 *   (see {@linkcode Capabilities.durable}); until then nothing is promised. A message whose `send` rejected may still
 *   have been stored (the answer can be lost on its way), so ids must make receivers idempotent.
 * - **Order.** Messages with equal keys go to the same partition. Two messages sent one after the other to a partition
 *   by one transport, even without awaiting the first, keep that order.
 * - **Delivery is at least once.** A message is delivered to each group until that group has committed an offset past
 *   it. Within one {@linkcode Claim} each offset is delivered once, in ascending order, without gaps other than those
 *   the log itself has (retention, compaction, transaction markers).
 * - **Exactly once**, from topic to topic, where a subscription asks for it ({@linkcode SubscribeOptions.delivery}): what came
 *   of a claim's messages and the claim's position are stored together or not at all ({@linkcode Subscription.commitWith}).
 *   A message still can be delivered twice; that it was worked on twice is not to be seen on any topic.
 * - **Only what is certain is delivered.** Messages of transactions that were given up, and of those that are not ended, are
 *   not delivered to anyone. An open transaction holds up what comes behind it in its partitions; it is ended when the
 *   claim has a new owner, at the latest when its time is up (Kafka: two sessions, at least 10 s).
 * - **One owner.** Within a group each partition is claimed by at most one subscription at a time, as far as the group
 *   knows. An owner that lost its claim can't commit ({@linkcode Subscription.commit}).
 * - **Back-pressure.** A subscription whose iterator is not advanced holds a bounded number of bytes and stops reading;
 *   it stays a member of its group while it waits, and goes on at once when the iterator is advanced.
 * - **Staying.** A transport whose bus goes away keeps trying, for ever, with growing, jittered pauses, and reports
 *   each change as a {@linkcode TransportEvent}. What can't get better by waiting (a corrupt file, refused access) is
 *   thrown.
 *
 * @module
 */

/** Text, or bytes that are not valid UTF-8. What is received as valid UTF-8 is always a string. */
export type Text = string | Uint8Array;

/** Header names with their values. Names are case-sensitive; of a repeated name the last value counts. */
export type MessageHeaders = Readonly<Record<string, Text>>;

/** A message to be sent. */
export interface OutgoingMessage {
  /** Messages with equal keys keep their order. Without a key the transport spreads them over the partitions. */
  readonly key?: Text | null;
  /** The payload: at most {@linkcode Transport.maxMessageBytes} bytes. Must not be changed until `send` resolved. */
  readonly value: Uint8Array;
  /** Together with the key at most 65,536 bytes. */
  readonly headers?: MessageHeaders;
}

/** A message as it is stored. */
export interface Message {
  /** The topic it was read from. */
  readonly topic: string;
  /** The partition, from 0. */
  readonly partition: number;
  /** Its number in the partition, from 0; at most 2^53 - 1. */
  readonly offset: number;
  /** When it was sent, in milliseconds since 1970-01-01 UTC, by the clock of whoever stored it. */
  readonly timestamp: number;
  /** The key it was sent with. */
  readonly key: Text | null;
  /** The payload. The receiver owns it and may transfer its buffer only after copying: it can be a view. */
  readonly value: Uint8Array;
  /** The headers it was sent with. */
  readonly headers: MessageHeaders;
}

/**
 * One uninterrupted ownership of a partition by a subscription. Compared by identity: a partition that is lost and
 * comes back is a new claim, and is delivered again from the group's committed offset.
 */
export interface Claim {
  /** The topic. */
  readonly topic: string;
  /** The partition, from 0. */
  readonly partition: number;
  /** Aborted as soon as this side knows that the partition is no longer its own. */
  readonly lost: AbortSignal;
}

/** Consecutive messages of one claim: at least one. */
export interface Batch {
  /** The ownership under which they were read; to be given back to {@linkcode Subscription.commit}. */
  readonly claim: Claim;
  /** In ascending order of their offsets. */
  readonly messages: readonly Message[];
}

/** How often the results of a message can be seen on a topic after all went wrong that can. */
export type Delivery = "at-least-once" | "exactly-once";

/** A message that is stored together with a position. */
export interface CommittedMessage {
  /** Where to. */
  readonly topic: string;
  /** What. */
  readonly message: OutgoingMessage;
  /** Makes what goes in its place where the bus finds it too large; without it, too large is an error. */
  readonly fallback?: () => OutgoingMessage;
}

/** How to subscribe. */
export interface SubscribeOptions {
  /**
   * The group that shares the work and remembers how far it came. Without a group the subscription claims every
   * partition for itself, remembers nothing, and `commit` does nothing.
   */
  readonly group?: string;
  /**
   * Where to start when the group has committed nothing for a partition (or there is no group): `"start"` is the
   * oldest message that is kept; `"end"` is fixed before `subscribe` resolves: everything sent after that is delivered,
   * also when the group commits nothing before it comes back; a time, without a group: the first message of each
   * partition whose timestamp is not before it.
   *
   * @default {"start"}
   */
  readonly from?: "start" | "end" | Date;
  /**
   * Where to stop. `"end"` is fixed before `subscribe` resolves: the iteration ends when everything that was stored by
   * then, and is still kept, was delivered; nothing that is stored later is. A transaction that is open by then is waited for.
   * Only without a group. Without it, the
   * iteration waits for more.
   */
  readonly until?: "end";
  /**
   * `"exactly-once"`: the group's progress is stored by {@linkcode Subscription.commitWith} alone, together with what came of
   * it. Only with a group, all members of which must say the same: one that does not stores its results apart.
   *
   * @default {"at-least-once"}
   */
  readonly delivery?: Delivery;
  /**
   * The most messages in one {@linkcode Batch}.
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
 * The iteration ends (without an error) when the subscription or its transport is closed, or where
 * {@linkcode SubscribeOptions.until} says so, and throws a `BusError` when it can't go on. Leaving the loop does not close the subscription.
 */
export interface Subscription extends AsyncIterable<Batch>, AsyncDisposable {
  /** Stops the delivery of these topics until `resume`; the claims stay. Batches already handed out are not recalled. */
  pause(topics: Iterable<string>): void;
  /** Goes on with these topics, at once and without a gap. */
  resume(topics: Iterable<string>): void;
  /**
   * Remembers for the group how far each claim was worked off. The last call counts, also when its offset is lower.
   *
   * @param positions For each claim the offset of the next message to deliver: the last finished one plus 1. Lost
   * claims are left out without an error: whether one was lost is told by {@linkcode Claim.lost}.
   * @throws {BusError} `unavailable` when it could not be stored now; the caller may try again. `invalid` with exactly-once
   * delivery.
   */
  commit(positions: ReadonlyMap<Claim, number>): Promise<void>;
  /**
   * Stores messages, and how far their claim was worked off, together: readers see all of the messages, and the group
   * remembers the position, or neither. Only with exactly-once delivery.
   *
   * **Order.** Calls for one claim take effect one after the other, in the order they were made; those for different claims at
   * the same time. Await one before the next: after an error, the next would pass over what the failed one had. The
   * messages of a call keep their order within each partition.
   *
   * **Delivery.** Resolves when all is stored, or when the claim is lost: then either all is stored or nothing, and the next
   * owner begins behind what is. {@linkcode Claim.lost} tells that it is lost; whether it was stored is not known. Whoever
   * was frozen or cut off, and whose claim has a new owner, stores nothing any more, however late it wakes: the owner
   * before is shut out before the new one reads where to begin. A fault on the way that leaves the outcome open ends
   * the claim on this side; it comes back, when it is still due to this subscription, as a new one.
   *
   * **Errors.** After an error nothing is stored, the claim stays, and the caller may try again or with something else.
   * While the bus is away it waits, as long as the claim lasts.
   *
   * **Closing.** {@linkcode Subscription.close} waits for the calls already made, a few seconds at most; what is not stored
   * then is given up as a whole.
   *
   * Each call costs a few milliseconds of the brokers' time, however many messages it has: many results a call.
   *
   * @param claim Under which the messages were received that are worked off now.
   * @param position The offset of the next message to deliver. Everything before it must be finished.
   * @param messages What came of the messages from the last position to this one: any number, for any topics.
   * @throws {BusError} `too_large` for a message without `smaller`, or whose `smaller` is; `denied`; `queue_full`,
   * `unavailable` (embedded bus: it is full, or locked); `closed`; `invalid` with at-least-once delivery, and for what the
   * brokers refuse for another reason.
   */
  commitWith(claim: Claim, position: number, messages: readonly CommittedMessage[]): Promise<void>;
  /**
   * Stops delivering and gives the claims back to the group, so that others take over at once. Calls to `commit`
   * already made are finished first. May be called more than once, and inside the loop.
   */
  close(): Promise<void>;
}

/** One partition as the bus sees it. */
export interface PartitionInfo {
  /** Its number, from 0. */
  readonly partition: number;
  /** The offset of the oldest message kept. */
  readonly start: number;
  /** The offset that the next message will get. */
  readonly end: number;
  /** The offset committed by the group that was asked for; `null` when it has committed nothing. */
  readonly committed: number | null;
}

/** One topic as the bus sees it. */
export interface TopicInfo {
  /** The name. */
  readonly name: string;
  /** Its partitions in ascending order. */
  readonly partitions: readonly PartitionInfo[];
}

/** What happened to the connection, for logs and health; never needed for correctness. */
export type TransportEvent =
  | { readonly type: "connected" }
  | { readonly type: "disconnected"; readonly reason: string }
  | {
    readonly type: "claimed" | "lost";
    readonly topic: string;
    readonly partition: number;
    /** Why it was lost, when this side gave it up: the outcome of a transaction is open. */
    readonly reason?: string;
  };

/** What a transport can do, as data. */
export interface Capabilities {
  /** Whether messages survive the end of every process (`"process"`), also a power failure (`"power"`), or neither. */
  readonly durable: "no" | "process" | "power";
  /** Whether other processes see the same topics. */
  readonly shared: boolean;
}

/** A connection to a message log. Everything is safe to call concurrently. */
export interface Transport extends AsyncDisposable {
  /** Where it is connected to, without credentials, for people. */
  readonly url: string;
  /** What it can do. */
  readonly capabilities: Capabilities;
  /** The largest value that `send` takes, in bytes. */
  readonly maxMessageBytes: number;
  /** Why the bus is away, as the last `disconnected` event says; `null` while it is not. */
  readonly unavailable: string | null;
  /**
   * Stores messages in a topic, in this order within each partition. All or part of them may be stored when it rejects.
   *
   * Pending messages are bounded in bytes: while there are too many, `send` takes longer, it does not fail. The topic
   * is made when it does not exist.
   *
   * @throws {BusError} `too_large`, `queue_full`, `unavailable`, `closed`, `denied`.
   */
  send(
    topic: string,
    messages: readonly OutgoingMessage[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<void>;
  /**
   * Starts to receive. Resolves when the subscription is in place: with `from: "end"`, nothing sent later is missed;
   * with a group, claims may come later. Topics that do not exist are made.
   *
   * @throws {BusError} `unavailable`, `closed`, `denied`, `invalid` (no topic, or a name that is `.`, `..` or outside
   * `[A-Za-z0-9._-]{1,249}`; an option that is not what it must be).
   */
  subscribe(topics: readonly string[], options?: SubscribeOptions): Promise<Subscription>;
  /** Makes topics that do not exist yet; leaves the others as they are. */
  ensureTopics(topics: readonly string[]): Promise<void>;
  /** The topics that exist, sorted by name, without the bus's internal ones, with what `group` has committed. */
  topics(group?: string): Promise<TopicInfo[]>;
  /**
   * Waits for the sends already accepted (at most 30 s), closes all subscriptions, and frees everything. May be called
   * more than once. Afterwards every call rejects with `closed`.
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

/** The most bytes of key and headers of one message. */
export const MAX_METADATA_BYTES = 65_536;
