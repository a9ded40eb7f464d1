import type { Claim, TransportEvent } from "../transport.ts";
import type { Partition } from "./log.ts";

/** A claim with what only its own side needs to know. */
export class OwnedClaim implements Claim {
  readonly topic: string;
  readonly partition: number;
  readonly lost: AbortSignal;
  /** Where its messages are. */
  readonly source: Partition;
  /** Who owns it in the group; `null` without a group. */
  readonly member: number | null;
  /** Messages from this offset on are not delivered. */
  readonly end: number;
  /** The offset to deliver next. */
  position: number;
  /** The last commit, or where it began. */
  committed: number;
  /** When it was found to be due to another member; nothing is delivered any more. */
  endingSince: number | null = null;
  readonly #controller = new AbortController();

  constructor(source: Partition, position: number, member: number | null, end = Infinity) {
    this.topic = source.topic;
    this.partition = source.number;
    this.lost = this.#controller.signal;
    this.source = source;
    this.member = member;
    this.end = end;
    this.position = position;
    this.committed = position;
  }

  /** Whether everything that was delivered is committed. */
  get isDrained(): boolean {
    return this.committed >= this.position;
  }

  /** Whether everything up to its end was delivered. */
  get isFinished(): boolean {
    return this.position >= this.end;
  }

  /** Aborts {@linkcode lost}. */
  lose(): void {
    this.#controller.abort();
  }
}

/** The claims of one subscription, the one that waits longest first. */
export class Claims implements Iterable<OwnedClaim> {
  readonly #claims = new Set<OwnedClaim>();
  readonly #emit: (event: TransportEvent) => void;

  /** @param emit Told of each claim gained and lost. */
  constructor(emit: (event: TransportEvent) => void) {
    this.#emit = emit;
  }

  [Symbol.iterator](): Iterator<OwnedClaim> {
    return this.#claims.values();
  }

  /** Whether it is still owned, as far as this side knows. */
  has(claim: Claim): claim is OwnedClaim {
    return this.#claims.has(claim as OwnedClaim);
  }

  /** Begins an ownership. */
  gain(claim: OwnedClaim): void {
    this.#claims.add(claim);
    this.#emit({ type: "claimed", topic: claim.topic, partition: claim.partition });
  }

  /** Ends an ownership; does nothing when it has ended already. */
  lose(claim: OwnedClaim): void {
    if (!this.#claims.delete(claim)) return;
    claim.lose();
    this.#emit({ type: "lost", topic: claim.topic, partition: claim.partition });
  }

  /** Ends all ownerships. */
  loseAll(): void {
    for (const claim of [...this.#claims]) this.lose(claim);
  }

  /** Takes note that everything before an offset was delivered; the claim's next turn comes after all others. */
  delivered(claim: OwnedClaim, position: number): void {
    claim.position = position;
    this.#claims.delete(claim);
    this.#claims.add(claim);
  }
}
