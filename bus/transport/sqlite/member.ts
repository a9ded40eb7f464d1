import { BusError } from "../errors.ts";
import { type Claims, OwnedClaim } from "./claims.ts";
import type { GroupStore, Share } from "./group_store.ts";
import type { Writer } from "./writer.ts";

/** What a {@linkcode Member} is made of. */
export interface MemberParts {
  readonly store: GroupStore;
  readonly writer: Writer;
  readonly claims: Claims;
  readonly heartbeatMs: number;
  /** How long a partition that is due to another member waits for the commit of what was delivered. */
  readonly drainMs: number;
  /** Called when claims have changed, with an error when the member can't go on. */
  readonly onChange: (failure?: unknown) => void;
}

/** One subscription's part in a group: shows that it lives, and follows the shares as others come and go. */
export class Member {
  readonly #parts: MemberParts;
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #id: number | null = null;
  #generation = -1;
  #expiry: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  #isDue = false;
  #working: Promise<void> | null = null;

  /**
   * @param parts What it works with.
   * @param share What it got when it joined.
   */
  constructor(parts: MemberParts, share: Share) {
    this.#parts = parts;
    this.#apply(share);
    this.#heartbeat = setInterval(() => this.#renew(), parts.heartbeatMs);
  }

  /** To be called when something in the database has changed: looks whether it was the group. */
  follow(): void {
    if (!this.#ended && this.#parts.store.generation() !== this.#generation) this.#renew();
  }

  /** One at a time; what comes in between is done once more. */
  #renew(): void {
    this.#isDue = true;
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    while (this.#isDue && !this.#ended) {
      this.#isDue = false;
      await this.#followShares();
    }
    this.#working = null;
  }

  async #followShares(): Promise<void> {
    const { store, writer, onChange } = this.#parts;
    try {
      this.#apply(await writer.run(() => store.share(this.#id)));
      await this.#release();
    } catch (error) {
      // The next heartbeat tries again.
      if (!(error instanceof BusError && error.retriable) && !this.#ended) onChange(error);
    }
  }

  #apply({ member, generation, holdings, surplus, expiresAt }: Share): void {
    const { claims, onChange } = this.#parts;
    const held = new Set(holdings.map(({ partition }) => partition.id));
    for (const claim of [...claims]) {
      if (claim.member !== member || !held.delete(claim.source.id)) claims.lose(claim);
    }
    for (const { partition, position } of holdings) {
      if (held.has(partition.id)) claims.gain(new OwnedClaim(partition, position, member));
    }
    this.#id = member;
    this.#generation = generation;
    this.#markEnding(surplus);
    this.#renewAt(expiresAt);
    onChange();
  }

  /** What a silent member had is taken when its session ends, not up to a heartbeat later. */
  #renewAt(expiresAt: number | null): void {
    clearTimeout(this.#expiry);
    const dueIn = expiresAt === null ? Infinity : expiresAt - Date.now() + 1;
    if (dueIn < this.#parts.heartbeatMs && !this.#ended) {
      this.#expiry = setTimeout(() => this.#renew(), Math.max(1, dueIn));
    }
  }

  #markEnding(surplus: ReadonlyMap<string, number>): void {
    const byTopic = Map.groupBy(this.#parts.claims, ({ topic }) => topic);
    for (const [topic, claims] of byTopic) {
      // Those that are ending already stay the first choice.
      const order = (claim: OwnedClaim) => claim.endingSince ?? Infinity;
      claims.sort((a, b) =>
        a.endingSince === b.endingSince ? b.partition - a.partition : order(a) - order(b)
      );
      const ending = claims.splice(0, surplus.get(topic) ?? 0);
      for (const claim of ending) claim.endingSince ??= performance.now();
      for (const claim of claims) claim.endingSince = null;
    }
  }

  /** Gives back what is due to others, as soon as what was delivered of it is committed. */
  async #release(): Promise<void> {
    const { store, writer, claims, drainMs } = this.#parts;
    const late = performance.now() - drainMs;
    const released = [...claims].filter(({ endingSince, isDrained }) =>
      endingSince !== null && (isDrained || endingSince <= late)
    );
    if (released.length === 0) return;
    await writer.run(() => released.forEach(({ member, source }) => store.release(member!, source)));
    for (const claim of released) claims.lose(claim);
  }

  /**
   * Remembers for the group how far its claims were worked off.
   *
   * @param positions Claims of this member, and the next offset of each.
   * @param along Done in the same transaction, when all of them are still owned.
   */
  async commit(positions: readonly (readonly [OwnedClaim, number])[], along = () => {}): Promise<void> {
    const { store, writer, claims } = this.#parts;
    const kept = await writer.run(() => {
      const kept = positions.map(([{ member, source }, offset]) => store.commit(member!, source, offset));
      if (!kept.includes(false)) along();
      return kept;
    });
    for (const [index, [claim, offset]] of positions.entries()) {
      if (kept[index]) claim.committed = offset;
      else claims.lose(claim);
    }
    if (positions.some(([{ endingSince }]) => endingSince !== null)) this.#renew();
  }

  /** Leaves the group. What can't be given back now, the others take when the session has run out. */
  async leave(): Promise<void> {
    this.abandon();
    await this.#working;
    const { store, writer } = this.#parts;
    await writer.run(() => store.leave(this.#id!)).catch(() => {});
  }

  /** Stops without telling the others, as a killed process does. */
  abandon(): void {
    this.#ended = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#expiry);
  }
}
