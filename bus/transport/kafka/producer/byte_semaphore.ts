interface Waiter {
  readonly bytes: number;
  readonly isOver: () => boolean;
  readonly admit: () => void;
}

/** A semaphore that counts bytes: a request for more than are free waits, in order of arrival. */
export class ByteSemaphore {
  readonly #max: number;
  readonly #waiters: Waiter[] = [];
  #acquired = 0;

  /** @param max Limit in bytes. A single request may exceed it when nothing else is acquired. */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Acquires bytes if they are free and nobody waits.
   *
   * @param bytes How many.
   * @returns Whether they were acquired.
   */
  tryAcquire(bytes: number): boolean {
    if (this.#waiters.length > 0 || !this.#fits(bytes)) return false;
    this.#acquired += bytes;
    return true;
  }

  /**
   * Waits until bytes are acquired.
   *
   * @param bytes How many.
   * @param isOver Whether the caller has given up: it is then admitted at the next release, and must release
   * all the same.
   */
  acquire(bytes: number, isOver: () => boolean): Promise<void> {
    const { promise, resolve: admit } = Promise.withResolvers<void>();
    this.#waiters.push({ bytes, isOver, admit });
    return promise;
  }

  /** Releases bytes, and admits those who wait for as long as they fit. */
  release(bytes: number): void {
    this.#acquired -= bytes;
    let first: Waiter | undefined;
    while ((first = this.#waiters[0]) && (first.isOver() || this.#fits(first.bytes))) {
      this.#waiters.shift();
      this.#acquired += first.bytes;
      first.admit();
    }
  }

  #fits(bytes: number): boolean {
    return this.#acquired === 0 || this.#acquired + bytes <= this.#max;
  }
}
