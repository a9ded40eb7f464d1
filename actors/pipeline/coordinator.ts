import type { Delivery } from "../../bus/transport/transport.ts";
import { abortable } from "../../lib/abortable.ts";
import { waitAtMost } from "../../lib/wait_at_most.ts";
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
  /** Of the subscription. With exactly-once, results, replies and dead letters go out with the commit. */
  readonly delivery: Delivery;
  /** How much may be in flight. */
  readonly limits: FlowLimits;
  /** A larger request, in bytes, is refused: its sender has another limit. */
  readonly maxMessageBytes: number;
}

/**
 * Owns the consumer: it makes each delivered request a {@linkcode Flight}, routes it to its model, and limits
 * what is in flight. It decides and never computes: no image is decoded on its thread.
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
   * Runs until it is drained. Called once.
   *
   * @throws {BusError} When the subscription cannot go on.
   */
  run(): Promise<void> {
    return this.#running = this.#receive();
  }

  /** As {@linkcode Committer.oldest}. */
  oldest(): ReadonlyMap<string, number> {
    return this.#path.committer.oldest();
  }

  /**
   * Drains, in this order:
   *
   * 1. Read no more. What was fetched but not admitted is delivered again.
   * 2. Wait until nothing is in flight. What is left at the deadline is not committed: it is delivered again.
   * 3. Commit.
   * 4. Close the subscription, which leaves the group. Earlier, others would own the partitions before step 3.
   *
   * @param deadlineMs How long to wait for step 2, in milliseconds.
   * @returns How many images were left unfinished.
   */
  async drain(deadlineMs: number): Promise<number> {
    const { committer, flow } = this.#path;
    this.#stop.abort();
    await this.#running?.catch(() => {});
    await waitAtMost(deadlineMs, flow.idle());
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
      // Race: when a drain begins while it waits for a batch, nobody awaits that batch any more.
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
    if (refusal === null) flight.lane!.versions.submit(flight);
    else flight.settle(refusal);
  }

  #refusalOf({ message: { value, undecodable }, decoded, lane }: Flight): Refusal | null {
    const { lanes, maxMessageBytes } = this.#parts;
    if (undecodable !== undefined) return refusal("undecodable", undecodable);
    if (value.length > maxMessageBytes) {
      return refusal(
        "too_large",
        `The request has ${value.length} bytes; this service accepts at most ${maxMessageBytes}`,
      );
    }
    if (!decoded.ok) return refusal("malformed_envelope", decoded.reason);
    const { expiresAt, model } = decoded.request;
    if (lane === undefined) {
      const served = [...lanes.keys()].join(", ");
      return refusal(
        "unknown_model",
        `No model "${model}" is served here${served && `; expected one of ${served}`}`,
      );
    }
    if (expiresAt === undefined || expiresAt >= Date.now()) return null;
    return refusal(
      "expired",
      `It expired at ${new Date(expiresAt).toISOString()}, before it was classified`,
    );
  }
}

function refusal(code: Refusal["code"], message: string): Refusal {
  return { ok: false, code, message };
}
