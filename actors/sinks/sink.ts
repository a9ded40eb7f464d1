/**
 * The contract of a sink: where results go.
 *
 * A sink is any object with `name` and `write`. One that holds something also has `close`, or
 * `[Symbol.asyncDispose]`.
 *
 * - **Order.** `write` is called with one batch at a time; the next call comes when it has resolved. Results
 *   of equal keys come in the order in which their requests were sent.
 * - **Delivery is at least once.** When `write` rejects, it is called again with the same whole batch until
 *   it resolves. After a service was killed, results that were stored but not committed come again, in other
 *   batches, and perhaps to another service. One batch may hold an id twice. So a sink that keeps anything is
 *   idempotent by `result.id`: it ends with one row per id. The first result of an id stays, except that a
 *   failure is replaced by a later success; never the other way round.
 * - **Durability.** `write` resolves when the batch is stored as durably as the sink stores, which each sink
 *   documents. Only then are offsets committed. A batch of which a part was stored before `write` rejected
 *   does no harm.
 * - **Every result is stored.** No id, label or message may be refused for its content or its length: it
 *   would block everything behind it for ever. What a sink cannot hold it replaces, and documents how.
 * - **Failures.** A sink does not retry by itself: the service does, with growing pauses (0.1 s to 10 s), and
 *   reads no more images meanwhile. `write` ends in bounded time, even when nobody answers (only the console
 *   waits for whoever reads it). The next call starts from scratch, with a new connection if necessary.
 *   Nothing is thrown or rejected outside of a call: a connection that breaks between two batches fails the
 *   next one.
 * - **Opening.** A sink that cannot be used is refused when it is opened, not at the first batch: `SinkError`
 *   with `invalid` for what the user must fix (path, password, rights), `unavailable` for a server that
 *   cannot be reached.
 * - **Closing.** `close` is called once, after the last `write`, by the service that was given the sink.
 *   Where there is no `close`, `[Symbol.asyncDispose]` is called; where there is neither, nothing. The service
 *   does not wait for ever: a sink that writes beyond its limit is closed when that write has ended, and what
 *   it was to store is delivered again.
 * - **Secrets.** Neither `name` nor a message holds a password.
 *
 * `tests/actors/sinks/sink_suite.ts` holds all sinks to it. How each keeps it, for users: docs/results.md.
 *
 * @module
 */
import type { Comparison } from "../../bus/comparison.ts";
import type { Origin } from "../../bus/envelope.ts";
import type { Result } from "../../bus/result.ts";
import type { Message } from "../../bus/transport/transport.ts";

/** A result with the request it answers. */
export interface Settled {
  /** The outcome of the image. */
  readonly result: Result;
  /** Who asked, and where to reply. */
  readonly origin: Origin;
  /** The record of the request, as it was received. */
  readonly message: Message;
}

/** Where results go. */
export interface Sink extends Partial<AsyncDisposable> {
  /** For logs and health, without a password: `console`, `sqlite results.db`, `postgres me@host/images`, … */
  readonly name: string;
  /**
   * Stores results. See the contract above.
   *
   * @param batch At least one.
   * @throws Anything: the message is logged, and the same whole batch comes again.
   */
  write(batch: readonly Settled[]): Promise<void>;
  /**
   * Stores what two versions of a model answered for the same images. For those that keep it; called every
   * few seconds, and not again when it rejects.
   *
   * @param batch At least one.
   */
  compare?(batch: readonly Comparison[]): Promise<void>;
  /** Stores what is still held, and frees everything. */
  close?(): Promise<void>;
}

/** A sink that can be closed. */
export type ClosableSink = Sink & Required<Omit<Sink, "compare">>;
