import { isRetriable } from "../errors.ts";
import { type Claims, OwnedClaim } from "./claims.ts";
import type { GroupStore, Share } from "./group_store.ts";
import type { Writer } from "./writer.ts";

/** Parts of a {@linkcode Member}. */
export interface MemberParts {
  readonly store: GroupStore;
  readonly writer: Writer;
  readonly claims: Claims;
  readonly heartbeatMs: number;
  /** How long a partition that moves waits for the commit of what was delivered, in milliseconds. */
  readonly drainMs: number;
  /** Called after changes of the claims, with an error if the member cannot continue. */
  readonly onChange: (failure?: unknown) => void;
}

/**
 * The membership of one subscription in a group: sends heartbeats, and adapts its claims as other members
 * come and go.
 *
 * A claim that is due to another member is handed over in two steps: first nothing more is delivered
 * (`endingSince`), then, once all that was delivered is committed or `drainMs` have passed, the partition is
 * released.
 */
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
   * @param parts Its parts.
   * @param share From joining.
   */
  constructor(parts: MemberParts, share: Share) {
    this.#parts = parts;
    this.#apply(share);
    this.#heartbeat = setInterval(() => this.#renew(), parts.heartbeatMs);
  }

  /** To be called after any change of the database: checks whether it concerns the group. */
  follow(): void {
    if (!this.#ended && this.#parts.store.generation() !== this.#generation) this.#renew();
  }

  /** Runs one heartbeat at a time; requests during one are merged into the next. */
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
      // Otherwise the next heartbeat retries.
      if (!isRetriable(error) && !this.#ended) onChange(error);
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

  /** Partitions of a dead member are claimed when its session expires, not at the heartbeat after that. */
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
      // Claims that are ending already are preferred, so that not more than the surplus stop delivering.
      const order = (claim: OwnedClaim) => claim.endingSince ?? Infinity;
      claims.sort((a, b) =>
        a.endingSince === b.endingSince ? b.partition - a.partition : order(a) - order(b)
      );
      const ending = claims.splice(0, surplus.get(topic) ?? 0);
      for (const claim of ending) claim.endingSince ??= performance.now();
      for (const claim of claims) claim.endingSince = null;
    }
  }

  /** Releases what is due to others and drained. */
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
   * Stores for the group how far claims have been processed. Claims that this member no longer owns are lost.
   *
   * @param positions Claims with the offset of the next message.
   * @param along Runs in the same transaction, if all of the claims are still owned.
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

  /** Leaves the group. If that fails, the others take over when the session expires. */
  async leave(): Promise<void> {
    this.abandon();
    await this.#working;
    const { store, writer } = this.#parts;
    await writer.run(() => store.leave(this.#id!)).catch(() => {});
  }

  /** Stops without notifying the others, like a killed process. */
  abandon(): void {
    this.#ended = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#expiry);
  }
}
