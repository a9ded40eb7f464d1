import { type Decoded, decodeRequest, type Origin } from "../../bus/envelope.ts";
import type { Result } from "../../bus/result.ts";
import type { Claim, Message, Subscription } from "../../bus/transport/transport.ts";
import { defined } from "../../lib/defined.ts";
import { isoNow } from "../../lib/iso_time.ts";
import type { Listener } from "../events.ts";
import type { Observer } from "../observer.ts";
import type { Settled } from "../sinks/sink.ts";
import type { Job, JobOutcome, Timing } from "../workers/job.ts";
import type { Flow } from "./flow.ts";
import type { Lane } from "./lane.ts";
import type { Ticket } from "./offsets.ts";
import { type KeyOrder, orderKeyOf } from "./order.ts";

/** Commits offsets: `Commits` with at-least-once delivery, `Transactions` with exactly-once. */
export interface Committer {
  /** A flight is admitted. Its offset is larger than all before it in its claim. */
  begin(flight: Flight): void;
  /** A flight is stored: its offset may be committed. The committer releases it, now or then. */
  stored(flight: Flight): void;
  /** Commits now what would be committed soon. Does not reject. */
  flush(): Promise<void>;
  /**
   * When the oldest flight that is not stored yet (with exactly-once: not committed) was sent, per topic that has one;
   * in milliseconds since 1970-01-01 UTC.
   */
  oldest(): ReadonlyMap<string, number>;
}

/** What a committer works with. */
export interface CommitterParts {
  /** Where to commit. */
  readonly subscription: Subscription;
  /** How long to collect before a commit, in milliseconds. */
  readonly commitIntervalMs: number;
  /** Notified when a commit fails. */
  readonly listener: Listener;
  /** Notified of each commit. */
  readonly observer: Observer;
}

/** What the flights of one coordinator have in common: the stations of their way. */
export interface FlightPath {
  /** The models that are served here, by name. */
  readonly lanes: ReadonlyMap<string, Lane>;
  /** Counts what is in flight. */
  readonly flow: Flow;
  /** Passes settled flights to the outbox, in the order of their requests per key. */
  readonly order: KeyOrder<Flight>;
  /** Commits stored flights. */
  readonly committer: Committer;
  /** Notified of dead letters. */
  readonly listener: Listener;
}

/** Why a request does not reach a model. */
export interface Refusal {
  readonly ok: false;
  readonly code: "undecodable" | "too_large" | "malformed_envelope" | "unknown_model" | "expired";
  readonly message: string;
}

/**
 * A request in flight, from its delivery until its offset is committed.
 *
 * ```
 * delivered
 *     │ admit     by Coordinator: counted as in flight; gets its place in its claim and behind those of its key
 *     ▼
 *  queued         in the mailbox of its model, or in a Worker
 *     │ settle    by Supervisor with an outcome, or by Coordinator with a refusal
 *     ▼
 *  settled        has its result; enters the Outbox after all before it with the same key
 *     │ stored    by Outbox, when every sink has stored the result
 *     ▼
 *  stored         its offset may be committed
 *     │ release   by Commits at once, by Transactions when the commit is done: no longer in flight
 *     ▼
 * committed       forgotten
 * ```
 *
 * - **Failure.** A refused request, and one that its model could not process, settle with a failed result and
 *   take the same way. When a Worker dies or a sink rejects, the flight stays where it is: the Worker's batch
 *   and the sink's are retried.
 * - **Lost claim.** The flight goes on until it is stored, then is released. Its offset is not committed;
 *   with exactly-once delivery its result is dropped. The next owner of the partition receives the request
 *   again.
 * - **Drain.** The coordinator waits for releases. Flights that are left at the deadline are not committed:
 *   their requests are delivered again.
 */
export class Flight implements Job {
  /** Under which it was delivered. */
  readonly claim: Claim;
  /** The record of the request. */
  readonly message: Message;
  /** What the record turned out to be. */
  readonly decoded: Decoded;
  /** The way to its model; `undefined` where the model is not served. */
  readonly lane: Lane | undefined;
  /** See {@linkcode orderKeyOf}. */
  readonly orderKey: string | null;
  /** Its result; `null` while it is queued. */
  settled: Settled | null = null;
  /** Whether every sink has stored its result. */
  isStored = false;
  /**
   * Its place in {@linkcode OffsetTracker}. An object of its own, because it is kept until all before it are
   * stored, which the image must not be.
   */
  ticket: Ticket | undefined;
  readonly #path: FlightPath;
  /** What it counts in flight. */
  readonly #size: number;

  /**
   * @param claim Under which it was delivered.
   * @param message The record of the request.
   * @param path What it passes.
   */
  constructor(claim: Claim, message: Message, path: FlightPath) {
    this.claim = claim;
    this.message = message;
    this.decoded = decodeRequest(message);
    this.lane = this.decoded.ok ? path.lanes.get(this.decoded.request.model) : undefined;
    this.orderKey = orderKeyOf(message);
    this.#path = path;
    this.#size = sizeOf(message);
  }

  /** The id of the request. */
  get id(): string {
    return this.#origin.id;
  }

  /** The encoded image; of a malformed request the whole value. */
  get image(): Uint8Array {
    return this.decoded.ok ? this.decoded.request.image : this.message.value;
  }

  /** Size of the image in bytes. */
  get bytes(): number {
    return this.image.length;
  }

  /** The key of the request; its id where it has none. */
  get stickyKey(): string {
    const { key } = this.message;
    return key === null ? this.id : typeof key === "string" ? key : key.toBase64();
  }

  /** The version that the request asks for, if it does. */
  get pinned(): string | undefined {
    return this.decoded.ok ? this.decoded.request.modelVersion : undefined;
  }

  /** The true label, if the sender provided it. */
  get actual(): string | undefined {
    return this.#origin.actual;
  }

  /** W3C trace context of the request, if it has one. */
  get traceparent(): string | undefined {
    return this.#origin.traceparent;
  }

  /** Delivered → queued. */
  admit(): void {
    const { committer, flow, order } = this.#path;
    committer.begin(this);
    flow.enter(this.#size);
    this.lane?.enter(this.#size);
    order.enter(this);
  }

  /** Queued → settled. Called once. */
  settle(outcome: JobOutcome | Refusal, timing: Timing = { startedAt: Date.now(), tookMs: 0 }): void {
    const result = this.#resultOf(outcome, timing);
    this.settled = { result, origin: this.#origin, message: this.message };
    if (!outcome.ok && outcome.code !== "expired") {
      const { code, message } = outcome;
      this.#path.listener({ type: "dead_letter", id: result.id, code, reason: message });
    }
    this.#path.order.settled(this);
  }

  /** Settled → stored. Called once. */
  stored(): void {
    this.isStored = true;
    this.#path.committer.stored(this);
  }

  /** Stored → out of flight: makes room for others. Called once. */
  release(): void {
    this.#path.flow.leave(this.#size);
    this.lane?.leave(this.#size);
  }

  get #origin(): Origin {
    return this.decoded.ok ? this.decoded.request : this.decoded.origin;
  }

  #resultOf(outcome: JobOutcome | Refusal, { version, startedAt, tookMs }: Timing): Result {
    const { id, actual, fileName } = this.#origin;
    const base = {
      id,
      model: this.decoded.ok ? this.decoded.request.model : this.decoded.model,
      ...defined({ actual, fileName }),
      at: isoNow(),
      waitedMs: Math.max(0, startedAt - this.message.timestamp),
      tookMs,
    };
    if (!outcome.ok) {
      const error = { code: outcome.code, message: outcome.message };
      return { status: "failed", ...base, ...defined({ modelVersion: version }), error };
    }
    const { top, unknown } = outcome;
    const by = { model: base.model!, modelVersion: version! };
    const answer = { status: "classified", ...base, ...by, ...top[0], top } as const;
    return unknown === undefined ? answer : { ...answer, unknown };
  }
}

/** Key and headers count too: they may be many times the size of a small image. */
function sizeOf({ key, headers, value }: Message): number {
  let size = value.length + (key?.length ?? 0);
  for (const name in headers) size += headers[name]!.length;
  return size;
}
