import { type Decoded, decodeRequest, type Origin, type Request } from "../../bus/envelope.ts";
import type { Result } from "../../bus/result.ts";
import type { Batch, Delivery, Message, Subscription } from "../../bus/transport/transport.ts";
import { Commits } from "./commits.ts";
import type { Listener } from "../events.ts";
import { Flow, type FlowLimits } from "./flow.ts";
import type { JobOutcome, Timing } from "../workers/job.ts";
import { KeyOrder, type Ready } from "./order.ts";
import type { Lane } from "./lane.ts";
import type { Outbox } from "./outbox.ts";
import type { Finish, Progress } from "./progress.ts";
import { sleep } from "../../lib/sleep.ts";
import { Transactions } from "./transactions.ts";
import { abortable } from "../../lib/abortable.ts";

/** What a coordinator works with. */
export interface CoordinatorParts {
  /** Where requests come from. The coordinator owns it, and closes it. */
  readonly subscription: Subscription;
  /** The models it serves. Requests for any other fail. */
  readonly lanes: ReadonlyMap<string, Lane>;
  /** Where results go. */
  readonly outbox: Outbox;
  /** The subscription's delivery. With exactly-once it is the coordinator that sends results, replies and dead letters. */
  readonly delivery: Delivery;
  /** How much may be in flight. */
  readonly limits: FlowLimits;
  /** How long to collect before a commit, in milliseconds. */
  readonly commitIntervalMs: number;
  /** A request with more bytes fails: it came from a sender with another limit. */
  readonly maxMessageBytes: number;
  /** Told of dead letters and failing commits. */
  readonly listener: Listener;
}

/** A request on its way: from its delivery until its result is stored. */
interface Flight {
  readonly message: Message;
  readonly origin: Origin;
  readonly model: string | null;
  readonly lane: Lane | undefined;
  readonly ready: Ready;
  readonly finish: Finish;
  readonly landed: () => void;
}

/**
 * Owns the consumer: routes each request to its model, bounds what is in flight, and commits what is stored. It decides and
 * never computes: no image is decoded on its thread.
 */
export class Coordinator {
  readonly #parts: CoordinatorParts;
  readonly #flow: Flow;
  readonly #progress: Progress;
  readonly #order = new KeyOrder();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  /** @param parts What it works with. */
  constructor(parts: CoordinatorParts) {
    this.#parts = parts;
    this.#flow = new Flow(parts.limits);
    this.#progress = progressOf(parts);
  }

  /** How many images are in flight. */
  get inFlight(): number {
    return this.#flow.count;
  }

  /**
   * Works until it is drained. Called once.
   *
   * @throws {BusError} When the subscription can't go on.
   */
  run(): Promise<void> {
    return this.#running = this.#receive();
  }

  /**
   * Reads no more, waits for what is in flight, commits, and leaves the group. What is not finished by the deadline is
   * not committed: it comes again.
   *
   * @param deadlineMs How long to wait, in milliseconds.
   * @returns How many were left unfinished.
   */
  async drain(deadlineMs: number): Promise<number> {
    this.#stop.abort();
    await this.#running?.catch(() => {});
    const deadline = new AbortController();
    await Promise.race([this.#flow.idle(), sleep(deadlineMs, deadline.signal)]);
    deadline.abort();
    await this.#progress.flush();
    await this.#parts.subscription.close();
    return this.#flow.count;
  }

  async #receive(): Promise<void> {
    const { signal } = this.#stop;
    const batches = this.#parts.subscription[Symbol.asyncIterator]();
    while (!signal.aborted) {
      await abortable(this.#flow.room(), signal);
      const reading = batches.next();
      // When it is told to stop while it waits for a batch, nobody awaits that batch any more.
      reading.catch(() => {});
      const next = await abortable(reading, signal);
      if (next === null || next.done) return;
      this.#accept(next.value);
    }
  }

  #accept({ claim, messages }: Batch): void {
    for (const message of messages) this.#route(message, this.#progress.begin(claim, message.offset));
  }

  #route(message: Message, finish: Finish): void {
    const decoded = decodeRequest(message);
    const flight = this.#takeOff(message, decoded, finish);
    const tooLarge = this.#tooLarge(message);
    if (tooLarge !== null) return this.#fail(flight, "too_large", tooLarge);
    if (!decoded.ok) return this.#fail(flight, "malformed_envelope", decoded.reason);
    const { request } = decoded;
    if (flight.lane === undefined) return this.#fail(flight, "unknown_model", this.#unknown(request.model));
    if (isExpired(request)) return this.#fail(flight, "expired", expired(request));
    flight.lane.supervisor.submit({
      image: request.image,
      bytes: request.image.length,
      settle: (outcome, timing) => this.#settle(flight, outcome, timing),
    });
  }

  #takeOff(message: Message, decoded: Decoded, finish: Finish): Flight {
    const { origin, model } = decoded.ok
      ? { origin: decoded.request, model: decoded.request.model }
      : decoded;
    const lane = decoded.ok ? this.#parts.lanes.get(decoded.request.model) : undefined;
    const bytes = message.value.length;
    this.#flow.enter(bytes);
    lane?.enter(bytes);
    const landed = () => {
      this.#flow.leave(bytes);
      lane?.leave(bytes);
    };
    return { message, origin, model, lane, ready: this.#order.enter(message), finish, landed };
  }

  #settle(flight: Flight, outcome: JobOutcome, timing: Timing): void {
    if (!outcome.ok) return this.#fail(flight, outcome.code, outcome.message, timing);
    const { name, version } = flight.lane!.supervisor.files.manifest;
    const [best] = outcome.top;
    this.#deliver(flight, {
      status: "classified",
      ...answer(flight, timing),
      model: name,
      modelVersion: version,
      ...best,
      top: outcome.top,
    });
  }

  #fail(flight: Flight, code: string, message: string, timing?: Timing): void {
    if (code !== "expired") {
      this.#parts.listener({ type: "dead_letter", id: flight.origin.id, code, reason: message });
    }
    this.#deliver(flight, { status: "failed", ...answer(flight, timing), error: { code, message } });
  }

  #deliver({ message, origin, ready, finish, landed }: Flight, result: Result): void {
    const settled = { result, origin, message };
    ready(() => this.#parts.outbox.add({ ...settled, stored: () => finish(settled, landed) }));
  }

  #tooLarge({ value }: Message): string | null {
    const { maxMessageBytes } = this.#parts;
    if (value.length <= maxMessageBytes) return null;
    return `The request has ${value.length} bytes: at most ${maxMessageBytes} are read here`;
  }

  #unknown(model: string): string {
    const served = [...this.#parts.lanes.keys()].join(", ");
    return `No model "${model}" is served here${served && `: there are ${served}`}`;
  }
}

function progressOf({ subscription, delivery, commitIntervalMs, listener }: CoordinatorParts): Progress {
  return delivery === "exactly-once"
    ? new Transactions(subscription, listener)
    : new Commits(subscription, commitIntervalMs, listener);
}

function answer({ message, origin, model }: Flight, timing: Timing = { startedAt: Date.now(), tookMs: 0 }) {
  return {
    id: origin.id,
    model,
    ...(origin.actual !== undefined && { actual: origin.actual }),
    at: new Date().toISOString(),
    waitedMs: Math.max(0, timing.startedAt - message.timestamp),
    tookMs: timing.tookMs,
  };
}

function isExpired({ expiresAt }: Request): boolean {
  return expiresAt !== undefined && expiresAt < Date.now();
}

function expired({ expiresAt }: Request): string {
  return `It was to be classified by ${new Date(expiresAt!).toISOString()}, and came too late`;
}
