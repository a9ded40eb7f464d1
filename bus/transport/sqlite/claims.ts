import type { Claim, TransportEvent } from "../transport.ts";
import type { Partition } from "./log.ts";

/** A claim with the state that only its owner needs. */
export class OwnedClaim implements Claim {
  readonly topic: string;
  readonly partition: number;
  /** The partition in the log. */
  readonly source: Partition;
  /** Id of the owning member; `null` without a group. */
  readonly member: number | null;
  /** Messages from this offset on are not delivered. */
  readonly end: number;
  /** The offset to deliver next. */
  position: number;
  /** The last committed offset, or where it began. */
  committed: number;
  /** Since when it is due to another member, by `performance.now()`; nothing more is delivered then. */
  endingSince: number | null = null;
  readonly #controller = new AbortController();
  readonly lost = this.#controller.signal;

  constructor(source: Partition, position: number, member: number | null, end = Infinity) {
    this.topic = source.topic;
    this.partition = source.number;
    this.source = source;
    this.member = member;
    this.end = end;
    this.position = this.committed = position;
  }

  /** Whether everything delivered has been committed. */
  get isDrained(): boolean {
    return this.committed >= this.position;
  }

  /** Whether everything up to its end has been delivered. */
  get isFinished(): boolean {
    return this.position >= this.end;
  }

  /** Aborts {@linkcode lost}. */
  lose(): void {
    this.#controller.abort();
  }
}

/** The claims of one subscription, the one whose last delivery is longest ago first. */
export class Claims implements Iterable<OwnedClaim> {
  readonly #claims = new Set<OwnedClaim>();
  readonly #emit: (event: TransportEvent) => void;

  /** @param emit Called for each claim that is gained or lost. */
  constructor(emit: (event: TransportEvent) => void) {
    this.#emit = emit;
  }

  [Symbol.iterator](): Iterator<OwnedClaim> {
    return this.#claims.values();
  }

  /** Whether the claim is still owned, as far as this side knows. */
  has(claim: Claim): claim is OwnedClaim {
    return this.#claims.has(claim as OwnedClaim);
  }

  /** Adds a claim. */
  gain(claim: OwnedClaim): void {
    this.#claims.add(claim);
    this.#emit({ type: "claimed", topic: claim.topic, partition: claim.partition });
  }

  /** Ends a claim; does nothing if it has ended already. */
  lose(claim: OwnedClaim): void {
    if (!this.#claims.delete(claim)) return;
    claim.lose();
    this.#emit({ type: "lost", topic: claim.topic, partition: claim.partition });
  }

  /** Ends all claims. */
  loseAll(): void {
    for (const claim of [...this.#claims]) this.lose(claim);
  }

  /** Everything before an offset has been delivered: the claim is last in the order now. */
  delivered(claim: OwnedClaim, position: number): void {
    claim.position = position;
    this.#claims.delete(claim);
    this.#claims.add(claim);
  }
}
