/**
 * The contract of a sink: where results go.
 *
 * - **Order.** `write` is called with one batch at a time; the next one comes when it has resolved. Results of equal keys
 *   come in the order in which their requests were sent.
 * - **Delivery is at least once.** When `write` rejects, the same batch comes again, whole, until it resolves; after the
 *   worker was killed, results come again that were stored but not committed, in other batches, and perhaps to another
 *   worker. One batch may hold an id twice. So a sink that keeps anything is idempotent by `result.id`: it ends with one
 *   row an id. The first result of an id stays, except that a failure is replaced by a later success; never the other way
 *   round.
 * - **Storing.** `write` resolves when the batch is stored as durably as the sink stores; which that is, the sink says.
 *   Only then are offsets committed. A batch of which a part was stored before `write` rejected does no harm.
 * - **Any result is stored.** No id, label or message may be refused for what it says or how long it is: one that was would
 *   hold up everything behind it for ever. What a sink can't hold it replaces, and says by what.
 * - **Trouble.** A sink does not retry by itself: the service does, with growing pauses (0.1 s to 10 s), and reads nothing
 *   more meanwhile. `write` ends in bounded time, also when nobody answers (the console alone waits
 *   for whoever reads it); the next call starts from scratch, with a new
 *   connection if need be. Nothing is thrown or rejected outside of a call: a connection that breaks between two batches
 *   is the trouble of the next one.
 * - **Opening.** A sink that can't be used is refused when it is opened, not at the first batch: `ActorError` with `invalid`
 *   for what someone must mend (path, password, rights), `sink_unavailable` for a server that is away.
 * - **Secrets.** Neither `name` nor a message holds a password.
 *
 * `tests/sink_suite.ts` holds all sinks to it. How each keeps it, for users: docs/results.md.
 *
 * @module
 */
import type { Origin } from "../../bus/envelope.ts";
import type { Result } from "../../bus/result.ts";
import type { Message } from "../../bus/transport/transport.ts";

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
  /** For people: `console`, `sqlite results.db`, `postgres me@host:5432/images`, … */
  readonly name: string;
  /**
   * Stores results. See the contract above.
   *
   * @param batch At least one.
   * @throws Anything: the message is shown, and the batch comes again, whole.
   */
  write(batch: readonly Settled[]): Promise<void>;
  /** Stores what is still held, and frees everything. Called once, after the last `write`. */
  close(): Promise<void>;
}
