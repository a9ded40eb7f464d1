/**
 * The contract of a sink: where results go.
 *
 * - **Order.** `write` is called with one batch at a time; the next one comes when it has resolved. Results of equal keys
 *   come in the order in which their requests were sent.
 * - **Delivery is at least once.** When `write` rejects, the same batch comes again, whole, until it resolves; after the
 *   worker was killed, results come again that were stored but not committed. So a sink that keeps anything is idempotent
 *   by `result.id`: it ends with one row an id. A failure may be replaced by a later success of the same id, never the
 *   other way round.
 * - **Storing.** `write` resolves when the batch is stored as durably as the sink stores. Only then are offsets committed.
 * - **Trouble.** A sink does not retry by itself: the service does, with growing pauses, and reads nothing more meanwhile.
 *
 * @module
 */
import type { Origin } from "../../bus/envelope.ts";
import type { Result } from "../../bus/result.ts";
import type { Message } from "../../bus/transport.ts";

/** A result with the request it answers. */
export interface Settled {
  /** What was found. */
  readonly result: Result;
  /** Who asked, and to whom to answer. */
  readonly origin: Origin;
  /** The record of the request, as it was received. */
  readonly message: Message;
}

/** Where results go. */
export interface Sink extends AsyncDisposable {
  /** For people: `console`, `sqlite results.db`, … */
  readonly name: string;
  /**
   * Stores results. See the contract above.
   *
   * @param batch At least one.
   * @throws Anything: the message is shown, and the batch comes again.
   */
  write(batch: readonly Settled[]): Promise<void>;
  /** Stores what is still held, and frees everything. Called once, after the last `write`. */
  close(): Promise<void>;
}
