/** A message that has begun. */
export interface Ticket {
  readonly offset: number;
  /** When the message was stored, in milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
  /** Whether its result is stored. */
  finished: boolean;
}

/**
 * Determines which offset of a partition may be committed while its messages finish out of order: the offset
 * up to which everything is finished.
 *
 * @example
 * ```ts
 * import { OffsetTracker } from "./offsets.ts";
 * const tracker = new OffsetTracker();
 * const [first, second] = [tracker.begin(7), tracker.begin(8)];
 * tracker.finish(second);
 * console.log(tracker.position); // 7: it is not finished yet
 * tracker.finish(first);
 * console.log(tracker.position); // 9
 * ```
 */
export class OffsetTracker {
  #open: Ticket[] = [];
  #head = 0;
  #next: number | null = null;

  /** The offset that may be committed, of the next message to deliver; `null` before anything has begun. */
  get position(): number | null {
    return this.#open[this.#head]?.offset ?? this.#next;
  }

  /** The first message that is not finished; `undefined` when all are. */
  get oldest(): Ticket | undefined {
    return this.#open[this.#head];
  }

  /**
   * Begins a message.
   *
   * @param offset Larger than all before it.
   * @param timestamp When it was stored, in milliseconds since 1970-01-01 UTC.
   * @returns What {@linkcode OffsetTracker.finish} takes.
   * @throws {RangeError} When the offset is not larger.
   */
  begin(offset: number, timestamp = 0): Ticket {
    if (this.#next !== null && offset < this.#next) {
      throw new RangeError(`Cannot begin offset ${offset}: offset ${this.#next - 1} has begun before it`);
    }
    const ticket = { offset, timestamp, finished: false };
    this.#open.push(ticket);
    this.#next = offset + 1;
    return ticket;
  }

  /** Finishes a message, in any order. */
  finish(ticket: Ticket): void {
    ticket.finished = true;
    while (this.#open[this.#head]?.finished) this.#head++;
    if (this.#head < 1024 && this.#head < this.#open.length) return;
    this.#open = this.#open.slice(this.#head);
    this.#head = 0;
  }
}
