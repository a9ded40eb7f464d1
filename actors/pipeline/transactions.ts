import { messageOf } from "../../lib/coded_error.ts";
import { BusError } from "../../bus/transport/errors.ts";
import type { Claim, CommittedMessage, Subscription } from "../../bus/transport/transport.ts";
import type { Listener } from "../events.ts";
import type { Finish, Progress } from "./progress.ts";
import { deadLetterMessages } from "../sinks/dead_letters.ts";
import { resultMessages } from "../sinks/results_topic.ts";
import type { Settled } from "../sinks/sink.ts";
import { sleep } from "../../lib/sleep.ts";

interface Entry {
  readonly offset: number;
  done: { readonly settled: Settled; readonly landed: () => void } | null;
}

type Finished = Entry & { readonly done: NonNullable<Entry["done"]> };

const MAX_RESULTS = 1_000;
const MAX_BYTES = 4 * 2 ** 20;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;

/**
 * Progress with exactly-once delivery: the results, replies and dead letters of a claim's requests go to their topics together
 * with the claim's position. A transaction takes as many results as are there without a gap; the next one follows when it
 * has ended, so that the busier a partition is the more of its results share one. An image that takes long holds up the results
 * behind it in its partition.
 */
export class Transactions implements Progress {
  readonly #subscription: Subscription;
  readonly #listener: Listener;
  readonly #claims = new Map<Claim, ClaimTransactions>();

  /**
   * @param subscription With exactly-once delivery.
   * @param listener Told when a transaction fails.
   */
  constructor(subscription: Subscription, listener: Listener) {
    this.#subscription = subscription;
    this.#listener = listener;
  }

  begin(claim: Claim, offset: number): Finish {
    return this.#of(claim).begin(offset);
  }

  /** There is nothing to do: whatever can be stored is being stored. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  #of(claim: Claim): ClaimTransactions {
    const known = this.#claims.get(claim);
    if (known) return known;
    const fresh = new ClaimTransactions(claim, this.#subscription, this.#listener);
    if (claim.lost.aborted) return fresh;
    this.#claims.set(claim, fresh);
    claim.lost.addEventListener("abort", () => this.#claims.delete(claim), { once: true });
    return fresh;
  }
}

/** The transactions of one claim, one after the other. Results of a claim that is lost are dropped: its next owner's count. */
class ClaimTransactions {
  readonly #claim: Claim;
  readonly #subscription: Subscription;
  readonly #listener: Listener;
  #entries: Entry[] = [];
  #isRunning = false;

  constructor(claim: Claim, subscription: Subscription, listener: Listener) {
    this.#claim = claim;
    this.#subscription = subscription;
    this.#listener = listener;
    claim.lost.addEventListener("abort", () => this.#drop(), { once: true });
  }

  begin(offset: number): Finish {
    const entry: Entry = { offset, done: null };
    this.#entries.push(entry);
    return (settled, landed) => {
      if (this.#claim.lost.aborted) return landed();
      entry.done = { settled, landed };
      if (!this.#isRunning) void this.#run();
    };
  }

  #drop(): void {
    for (const { done } of this.#entries.splice(0)) done?.landed();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // What is settled in the same turn of the event loop shall travel together.
    await Promise.resolve();
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      if (!await this.#store(batch)) break;
      if (this.#claim.lost.aborted) break;
      for (const { done } of this.#entries.splice(0, batch.length)) done!.landed();
    }
    this.#isRunning = false;
  }

  /** What is finished without a gap, as far as it goes into one transaction. */
  #next(): Finished[] {
    const batch: Finished[] = [];
    let bytes = 0;
    for (const entry of this.#entries) {
      if (!isFinished(entry) || batch.length === MAX_RESULTS || bytes >= MAX_BYTES) break;
      batch.push(entry);
      if (entry.done.settled.result.status === "failed") bytes += entry.done.settled.message.value.length;
    }
    return batch;
  }

  /** @returns Whether it can go on: not when the subscription is closed. */
  async #store(batch: readonly Finished[]): Promise<boolean> {
    const position = batch.at(-1)!.offset + 1;
    const messages = batch.flatMap(({ done }) => messagesOf(done.settled));
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      try {
        await this.#subscription.commitWith(this.#claim, position, messages);
        return true;
      } catch (error) {
        if (error instanceof BusError && error.code === "closed") return false;
        const reason = messageOf(error);
        this.#listener({ type: "commit_failing", reason });
      }
      await sleep(pauseMs, this.#claim.lost);
      if (this.#claim.lost.aborted) return false;
    }
  }
}

function isFinished(entry: Entry): entry is Finished {
  return entry.done !== null;
}

function messagesOf(settled: Settled): CommittedMessage[] {
  return [...deadLetterMessages(settled), ...resultMessages(settled)];
}
