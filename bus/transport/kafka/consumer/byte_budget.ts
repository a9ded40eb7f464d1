interface Waiter {
  readonly bytes: number;
  readonly isOver: () => boolean;
  readonly admit: () => void;
}

/** A number of bytes to share: who finds too few left waits, first come, first served. */
export class ByteBudget {
  readonly #max: number;
  readonly #waiters: Waiter[] = [];
  #taken = 0;

  /** @param max How many bytes there are. */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Takes bytes when they are there and nobody waits. More than there ever are can be taken when nothing else is.
   *
   * @returns Whether they were taken.
   */
  tryTake(bytes: number): boolean {
    if (this.#waiters.length > 0 || !this.#fits(bytes)) return false;
    this.#taken += bytes;
    return true;
  }

  /**
   * Takes bytes as soon as they are there.
   *
   * @param bytes How many.
   * @param isOver Whether they are no longer wanted; asked when others give theirs back. They are taken all the same.
   */
  take(bytes: number, isOver: () => boolean): Promise<void> {
    const { promise, resolve: admit } = Promise.withResolvers<void>();
    this.#waiters.push({ bytes, isOver, admit });
    return promise;
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.#taken -= bytes;
    for (
      let first = this.#waiters[0];
      first && (first.isOver() || this.#fits(first.bytes));
      first = this.#waiters[0]
    ) {
      this.#waiters.shift();
      this.#taken += first.bytes;
      first.admit();
    }
  }

  #fits(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#max;
  }
}
