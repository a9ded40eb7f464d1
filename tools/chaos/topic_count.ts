import type { Assignment } from "./images.ts";
import { type Verdict, Violations } from "./audit.ts";

/** Kinds of records. */
export type Counted = "request" | "result" | "dead letter";

/**
 * Checks a run with exactly-once delivery: each request that the bus stored has one result, and one dead
 * letter if it is bad. A sender that does not know whether an image was stored resends it, so that the
 * requests per id are counted too.
 */
export class TopicCount {
  readonly #assignment: Assignment;
  readonly #counts: Readonly<Record<Counted, Uint16Array>>;

  /** @param assignment All images that were sent. */
  constructor(assignment: Assignment) {
    this.#assignment = assignment;
    const counts = () => new Uint16Array(assignment.count);
    this.#counts = { request: counts(), result: counts(), "dead letter": counts() };
  }

  /** Counts a record. */
  add(what: Counted, id: string): void {
    const number = this.#assignment.number(id);
    if (number !== null) this.#counts[what][number]!++;
  }

  /**
   * Adds the counts to a verdict.
   *
   * @param verdict The verdict on databases, order and dead letters.
   * @returns The verdict with surplus and missing records; `repeated` is the number of requests that were
   *   sent twice.
   */
  judge(verdict: Verdict): Verdict {
    const violations = new Violations();
    let [twice, unanswered, repeated] = [0, 0, 0];
    for (let number = 0; number < this.#assignment.count; number++) {
      // The embedded bus removes processed requests when it is full: such a request was stored once.
      const requests = Math.max(1, this.#counts.request[number]!);
      repeated += requests - 1;
      const isBad = this.#assignment.image(number).code !== null;
      for (const what of ["result", ...isBad ? ["dead letter" as const] : []] as const) {
        const surplus = this.#counts[what][number]! - requests;
        if (surplus === 0) continue;
        if (surplus > 0) twice += surplus;
        else unanswered -= surplus;
        violations.add(
          `${surplus > 0 ? "surplus" : "missing"} ${what} on the topic`,
          this.#assignment.id(number),
        );
      }
    }
    return {
      ...verdict,
      twice: verdict.twice + twice,
      unanswered: Math.max(verdict.unanswered, unanswered),
      repeated,
      examples: { ...verdict.examples, ...violations.examples },
    };
  }
}
