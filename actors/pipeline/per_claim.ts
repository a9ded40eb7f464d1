import type { Claim } from "../../bus/transport/transport.ts";

/** One value per claim, created when it is first needed and forgotten when the claim is lost. */
export class PerClaim<T> extends Map<Claim, T> {
  readonly #create: (claim: Claim) => T;

  /** @param create Creates the value of a claim. */
  constructor(create: (claim: Claim) => T) {
    super();
    this.#create = create;
  }

  /** The value of a claim. Of a claim that is already lost it is a new one each time, which is not kept. */
  of(claim: Claim): T {
    const known = this.get(claim);
    if (known !== undefined) return known;
    const value = this.#create(claim);
    if (claim.lost.aborted) return value;
    this.set(claim, value);
    claim.lost.addEventListener("abort", () => this.delete(claim), { once: true });
    return value;
  }
}

/**
 * The smallest timestamp per topic.
 *
 * @param values Of the claims of a subscription.
 * @param timestampOf In milliseconds; `undefined` where a claim has none. Kafka's -1 stands for an unknown one.
 */
export function oldestPerTopic<T>(
  values: PerClaim<T>,
  timestampOf: (value: T) => number | undefined,
): Map<string, number> {
  const oldest = new Map<string, number>();
  for (const [{ topic }, value] of values) {
    const timestamp = timestampOf(value);
    if (timestamp !== undefined && timestamp > 0) {
      oldest.set(topic, Math.min(timestamp, oldest.get(topic) ?? Infinity));
    }
  }
  return oldest;
}
