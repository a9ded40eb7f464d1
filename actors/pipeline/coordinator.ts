import type { Delivery } from "../../bus/transport/transport.ts";
import { abortable } from "../../lib/abortable.ts";
import { sleep } from "../../lib/sleep.ts";
import { Commits } from "./commits.ts";
import { type CommitterParts, Flight, type FlightPath, type Refusal } from "./flight.ts";
import { Flow, type FlowLimits } from "./flow.ts";
import type { Lane } from "./lane.ts";
import { KeyOrder } from "./order.ts";
import type { Outbox } from "./outbox.ts";
import { Transactions } from "./transactions.ts";

/** What a coordinator works with. It owns the subscription, and closes it. */
export interface CoordinatorParts extends CommitterParts {
  /** The models it serves, by name. Requests for any other fail. */
  readonly lanes: ReadonlyMap<string, Lane>;
  /** Where results go. */
  readonly outbox: Outbox;
  /** The subscription's delivery. With exactly-once it is the coordinator that sends results, replies and dead letters. */
  readonly delivery: Delivery;
  /** How much may be in flight. */
  readonly limits: FlowLimits;
  /** A request with more bytes fails: it came from a sender with another limit. */
  readonly maxMessageBytes: number;
}

/**
 * Owns the consumer: makes a {@linkcode Flight} of each request, routes it to its model, and limits what is in flight. It decides
 * and never computes: no image is decoded on its thread.
 */
export class Coordinator {
  readonly #parts: CoordinatorParts;
  readonly #path: FlightPath;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  /** @param parts What it works with. */
  constructor(parts: CoordinatorParts) {
    const { delivery, lanes, limits, listener, outbox } = parts;
    this.#parts = parts;
    this.#path = {
      lanes,
      flow: new Flow(limits),
      order: new KeyOrder((flight: Flight) => outbox.add(flight)),
      committer: delivery === "exactly-once" ? new Transactions(parts) : new Commits(parts),
      listener,
    };
  }

  /**
   * Works until it is drained. Called once.
   *
   * @throws {BusError} When the subscription cannot go on.
   */
  run(): Promise<void> {
    return this.#running = this.#receive();
  }

  /**
   * Finishes what is in flight, in this order:
   *
   * 1. Receives no more. What was fetched but not received yet is not in flight: it comes again.
   * 2. Waits until nothing is in flight. What is not finished by the deadline is not committed: it comes again, too.
   * 3. Commits.
   * 4. Closes the subscription, and so leaves the group: only now may others own its partitions.
   *
   * @param deadlineMs How long to wait for 2, in milliseconds.
   * @returns How many were left unfinished.
   */
  async drain(deadlineMs: number): Promise<number> {
    const { committer, flow } = this.#path;
    this.#stop.abort();
    await this.#running?.catch(() => {});
    const deadline = new AbortController();
    await Promise.race([flow.idle(), sleep(deadlineMs, deadline.signal)]);
    deadline.abort();
    await committer.flush();
    await this.#parts.subscription.close();
    return flow.count;
  }

  async #receive(): Promise<void> {
    const { signal } = this.#stop;
    const batches = this.#parts.subscription[Symbol.asyncIterator]();
    while (!signal.aborted) {
      await abortable(this.#path.flow.room(), signal);
      const reading = batches.next();
      // When the drain begins while it waits for a batch, nobody awaits that batch any more.
      reading.catch(() => {});
      const next = await abortable(reading, signal);
      if (next === null || next.done) return;
      const { claim, messages } = next.value;
      for (const message of messages) this.#route(new Flight(claim, message, this.#path));
    }
  }

  #route(flight: Flight): void {
    flight.admit();
    const refusal = this.#refusalOf(flight);
    if (refusal === null) flight.lane!.supervisor.submit(flight);
    else flight.settle(refusal);
  }

  #refusalOf({ message: { value }, decoded, lane }: Flight): Refusal | null {
    const { lanes, maxMessageBytes } = this.#parts;
    if (value.length > maxMessageBytes) {
      return refusal(
        "too_large",
        `The request has ${value.length} bytes: at most ${maxMessageBytes} are read here`,
      );
    }
    if (!decoded.ok) return refusal("malformed_envelope", decoded.reason);
    const { expiresAt, model } = decoded.request;
    if (lane === undefined) {
      const served = [...lanes.keys()].join(", ");
      return refusal(
        "unknown_model",
        `No model "${model}" is served here${served && `: there are ${served}`}`,
      );
    }
    if (expiresAt === undefined || expiresAt >= Date.now()) return null;
    return refusal(
      "expired",
      `It was to be classified by ${new Date(expiresAt).toISOString()}, and came too late`,
    );
  }
}

function refusal(code: Refusal["code"], message: string): Refusal {
  return { ok: false, code, message };
}
