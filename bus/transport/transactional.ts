/**
 * The part of the contract in `transport.ts` that is for exactly-once delivery, from topic to topic: outgoing
 * messages and the position of their claim are stored together or not at all. A message can still be
 * delivered twice; that it was processed twice is not visible on any topic.
 *
 * @module
 */
import type { Claim, OutgoingMessage } from "./message.ts";

/** How often the outcome of a message can appear on a topic after failures. */
export type Delivery = "at-least-once" | "exactly-once";

/** A message that is stored together with a position. */
export interface CommittedMessage {
  /** The topic to store it in. */
  readonly topic: string;
  /** The message. */
  readonly message: OutgoingMessage;
  /** Creates a smaller replacement, sent if the message is rejected as too large. @default {an error} */
  readonly fallback?: () => OutgoingMessage;
}

/** How a subscription with exactly-once delivery commits. */
export interface TransactionalCommits {
  /**
   * Stores messages and how far their claim has been processed, atomically: readers see all of the messages
   * and the group keeps the position, or neither. Only with exactly-once delivery.
   *
   * **Order.** Calls for one claim take effect one after another, in the order in which they were made; calls
   * for different claims run concurrently. Await each before the next: after an error, the next call would
   * skip what the failed one had. The messages of a call keep their order within each partition.
   *
   * **Lost claims.** Resolves when everything is stored, or the claim is lost; check {@linkcode Claim.lost}.
   * In the second case either everything or nothing was stored, and the next owner starts after what was. An
   * owner that was frozen or cut off, and was replaced, cannot store anything, however late it wakes: it is
   * fenced before the new owner reads its start position. A failure that leaves the outcome open loses the
   * claim on this side; if the partition is still assigned to this subscription, it comes back as a new
   * claim.
   *
   * **Errors.** After an error nothing is stored and the claim stays: the caller may retry, or store
   * something else. While the bus is unavailable the call waits, as long as the claim lasts.
   *
   * **Closing.** `close` waits for pending calls, a few seconds at most; what is not stored by then is rolled
   * back.
   *
   * A call takes the brokers a few milliseconds, whatever the number of messages: store many results per
   * call.
   *
   * @param claim Under which the processed messages were received.
   * @param position Offset of the next message to deliver. Everything before it must have been processed.
   * @param messages The outcome of the messages from the last position up to this one: any number, for any
   * topics.
   * @throws {BusError} `too_large` for a message without `fallback`, or whose fallback is too large;
   * `denied`; `queue_full` and `unavailable` (embedded bus: it is full, or locked); `closed`; `invalid` with
   * at-least-once delivery, and for anything else that the brokers reject.
   */
  commitWith(claim: Claim, position: number, messages: readonly CommittedMessage[]): Promise<void>;
}
