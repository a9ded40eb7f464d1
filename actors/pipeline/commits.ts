import { messageOf } from "../../lib/coded_error.ts";
import { BusError } from "../../bus/transport/errors.ts";
import type { Claim } from "../../bus/transport/transport.ts";
import type { Committer, CommitterParts, Flight } from "./flight.ts";
import { OffsetTracker } from "./offsets.ts";
import { oldestPerTopic, PerClaim } from "./per_claim.ts";

/** At-least-once delivery: commits what is stored, of all claims together, at most once per interval. */
export class Commits implements Committer {
  readonly #parts: CommitterParts;
  readonly #trackers = new PerClaim(() => new OffsetTracker());
  readonly #committed = new WeakMap<Claim, number>();
  #isFailing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: Promise<void> = Promise.resolve();

  /** @param parts What it works with. */
  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  begin(flight: Flight): void {
    const { offset, timestamp } = flight.message;
    flight.ticket = this.#trackers.of(flight.claim).begin(offset, timestamp);
  }

  stored(flight: Flight): void {
    // Not only when it is committed: a whole interval of stored images would count as in flight.
    flight.release();
    // Race: the claim may be lost meanwhile. Then it has no tracker any more, and its next owner commits.
    this.#trackers.get(flight.claim)?.finish(flight.ticket!);
    this.#schedule();
  }

  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // One after the other: of two commits at once, the older positions could arrive last, and would count.
    return this.#last = this.#last.then(() => this.#commit());
  }

  oldest(): ReadonlyMap<string, number> {
    return oldestPerTopic(this.#trackers, ({ oldest }) => oldest?.timestamp);
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.flush(), this.#parts.commitIntervalMs);
  }

  async #commit(): Promise<void> {
    const positions = this.#positions();
    if (positions.size === 0) return;
    const startedAt = performance.now();
    let failed = true;
    try {
      await this.#parts.subscription.commit(positions);
      failed = false;
      if (this.#isFailing) this.#parts.listener({ type: "commit_recovered" });
      this.#isFailing = false;
      for (const [claim, offset] of positions) this.#committed.set(claim, offset);
    } catch (error) {
      this.#isFailing = true;
      this.#parts.listener({ type: "commit_failing", reason: messageOf(error) });
      if (error instanceof BusError && error.retriable) this.#schedule();
    } finally {
      this.#parts.observer.commit?.({ tookMs: performance.now() - startedAt, failed });
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
