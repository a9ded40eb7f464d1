import { messageOf } from "../../lib/coded_error.ts";
import { DEAD_LETTERS_TOPIC, RESULTS_TOPIC } from "../../bus/topics.ts";
import { BusError } from "../../bus/transport/errors.ts";
import type { Claim, CommittedMessage } from "../../bus/transport/transport.ts";
import { deadLetterMessages } from "../sinks/dead_letters.ts";
import { isRefusal, resultMessages } from "../sinks/results_topic.ts";
import type { Settled } from "../sinks/sink.ts";
import type { Committer, CommitterParts, Flight } from "./flight.ts";
import { oldestPerTopic, PerClaim } from "./per_claim.ts";
import { retry } from "./retry.ts";

const MAX_RESULTS = 1_000;
const MAX_BYTES = 4 * 2 ** 20;

/**
 * Exactly-once delivery: results, replies and dead letters of a claim's requests are stored on their topics
 * together with the claim's position. A transaction takes all results up to the first gap; the next one
 * begins when it has ended, so the busier a partition is, the more of its results share one. A slow image
 * delays the results behind it in its partition.
 */
export class Transactions implements Committer {
  readonly #claims: PerClaim<ClaimTransactions>;

  /** @param parts What they work with. */
  constructor(parts: CommitterParts) {
    this.#claims = new PerClaim((claim) => new ClaimTransactions(claim, parts));
  }

  begin(flight: Flight): void {
    this.#claims.of(flight.claim).begin(flight);
  }

  stored(flight: Flight): void {
    const transactions = this.#claims.get(flight.claim);
    if (transactions) transactions.run();
    // The claim is lost: its next owner produces the result.
    else flight.release();
  }

  oldest(): ReadonlyMap<string, number> {
    return oldestPerTopic(this.#claims, ({ oldest }) => oldest);
  }

  /** Nothing to do: what can be committed is being committed. */
  flush(): Promise<void> {
    return Promise.resolve();
  }
}

/** The transactions of one claim, one after the other. */
class ClaimTransactions {
  readonly #claim: Claim;
  readonly #parts: CommitterParts;
  /** What is not committed yet, in the order of the partition. */
  readonly #flights: Flight[] = [];
  #isRunning = false;

  constructor(claim: Claim, parts: CommitterParts) {
    this.#claim = claim;
    this.#parts = parts;
    claim.lost.addEventListener("abort", () => this.#drop(), { once: true });
  }

  /** When the first that is not committed was sent. */
  get oldest(): number | undefined {
    return this.#flights[0]?.message.timestamp;
  }

  begin(flight: Flight): void {
    this.#flights.push(flight);
  }

  /** Commits all that can be committed. */
  run(): void {
    if (!this.#isRunning) void this.#run();
  }

  /** The claim is lost. Flights that are not stored yet are released by {@linkcode Transactions.stored}. */
  #drop(): void {
    for (const flight of this.#flights.splice(0)) if (flight.isStored) flight.release();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // What is stored in the same turn of the event loop becomes one transaction.
    await Promise.resolve();
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      // Race: if the claim was lost meanwhile, `#drop` has released the batch, committed or not.
      if (!await this.#commit(batch) || this.#claim.lost.aborted) break;
      for (const flight of this.#flights.splice(0, batch.length)) flight.release();
    }
    this.#isRunning = false;
  }

  /** The stored flights up to the first gap, as many as fit into one transaction. */
  #next(): Flight[] {
    const batch: Flight[] = [];
    let bytes = 0;
    for (const flight of this.#flights) {
      if (!flight.isStored || batch.length === MAX_RESULTS || bytes >= MAX_BYTES) break;
      batch.push(flight);
      if (flight.settled!.result.status === "failed") bytes += flight.message.value.length;
    }
    return batch;
  }

  /** @returns Whether it was committed: not when the claim is lost or the subscription closed. */
  async #commit(batch: readonly Flight[]): Promise<boolean> {
    const outcome = await this.#attempt(batch, messagesOf);
    if (typeof outcome === "boolean") return outcome;
    for (const flight of batch) if (!await this.#commitAlone(flight)) return false;
    return true;
  }

  /** Whoever names a reply topic that the bus refuses must not stop the results of others. */
  async #commitAlone(flight: Flight): Promise<boolean> {
    const outcome = await this.#attempt([flight], messagesOf);
    if (typeof outcome === "boolean") return outcome;
    const { replyTo: topic = "" } = flight.settled!.origin;
    this.#parts.listener({ type: "reply_refused", topic, reason: outcome.message });
    return await this.#attempt([flight], ownMessagesOf) === true;
  }

  /** @returns Whether it was committed, as {@linkcode #commit}; or the refusal, where a reply topic may be the reason. */
  async #attempt(
    batch: readonly Flight[],
    messagesOf: (settled: Settled) => CommittedMessage[],
  ): Promise<boolean | BusError> {
    const { listener } = this.#parts;
    const position = batch.at(-1)!.message.offset + 1;
    const messages = batch.flatMap(({ settled }) => messagesOf(settled!));
    let refusal: BusError | undefined;
    const failures = await retry(() => this.#commitWith(position, messages), this.#claim.lost, (error) => {
      if (error instanceof BusError && error.code === "closed") return false;
      if (isRefusal(error) && !messages.every(isOwn)) {
        refusal = error;
        return false;
      }
      listener({ type: "commit_failing", reason: messageOf(error) });
    });
    if (failures) listener({ type: "commit_recovered" });
    return refusal ?? failures !== null;
  }

  async #commitWith(position: number, messages: readonly CommittedMessage[]): Promise<void> {
    const { subscription, observer } = this.#parts;
    const startedAt = performance.now();
    let failed = true;
    try {
      await subscription.commitWith(this.#claim, position, messages);
      failed = false;
    } finally {
      observer.commit?.({ tookMs: performance.now() - startedAt, failed });
    }
  }
}

function messagesOf(settled: Settled): CommittedMessage[] {
  return [...deadLetterMessages(settled), ...resultMessages(settled)];
}

function isOwn({ topic }: CommittedMessage): boolean {
  return topic === RESULTS_TOPIC || topic === DEAD_LETTERS_TOPIC;
}

function ownMessagesOf(settled: Settled): CommittedMessage[] {
  return messagesOf(settled).filter(isOwn);
}
