import { messageOf } from "../../lib/coded_error.ts";
import { BusError } from "../../bus/transport/errors.ts";
import type { Claim, Subscription } from "../../bus/transport/transport.ts";
import type { Listener } from "../events.ts";
import { OffsetTracker } from "./offsets.ts";
import type { Finish, Progress } from "./progress.ts";

/** Progress with at-least-once delivery: commits what is finished, of all claims together, at most once an interval. */
export class Commits implements Progress {
  readonly #subscription: Subscription;
  readonly #intervalMs: number;
  readonly #listener: Listener;
  readonly #trackers = new Map<Claim, OffsetTracker>();
  readonly #committed = new WeakMap<Claim, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: Promise<void> = Promise.resolve();

  /**
   * @param subscription Where to commit.
   * @param intervalMs How long to collect, in milliseconds.
   * @param listener Told when a commit fails.
   */
  constructor(subscription: Subscription, intervalMs: number, listener: Listener) {
    this.#subscription = subscription;
    this.#intervalMs = intervalMs;
    this.#listener = listener;
  }

  begin(claim: Claim, offset: number): Finish {
    const tracker = this.#trackerOf(claim);
    const ticket = tracker.begin(offset);
    return (_settled, landed) => {
      landed();
      tracker.finish(ticket);
      this.#schedule();
    };
  }

  /** What is open of a claim. A lost claim is forgotten: what it still finishes is its next owner's. */
  #trackerOf(claim: Claim): OffsetTracker {
    const known = this.#trackers.get(claim);
    if (known) return known;
    const tracker = new OffsetTracker();
    if (claim.lost.aborted) return tracker;
    this.#trackers.set(claim, tracker);
    claim.lost.addEventListener("abort", () => this.#trackers.delete(claim), { once: true });
    return tracker;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.flush(), this.#intervalMs);
  }

  /** Commits now. Resolves when it is done, or has failed and was said. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#last = this.#last.then(() => this.#commit());
  }

  async #commit(): Promise<void> {
    const positions = this.#positions();
    if (positions.size === 0) return;
    try {
      await this.#subscription.commit(positions);
      for (const [claim, offset] of positions) this.#committed.set(claim, offset);
    } catch (error) {
      this.#listener({
        type: "commit_failing",
        reason: messageOf(error),
      });
      if (error instanceof BusError && error.retriable) this.#schedule();
    }
  }

  #positions(): Map<Claim, number> {
    const positions = new Map<Claim, number>();
    for (const [claim, { position }] of this.#trackers) {
      if (position !== null && position !== this.#committed.get(claim)) positions.set(claim, position);
    }
    return positions;
  }
}
