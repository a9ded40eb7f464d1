/** One call of `send`: settled when all of its records are stored, or the first one has failed. */
export class Sending {
  /** When it was called, by `performance.now()`. */
  readonly since = performance.now();
  readonly #outcome = Promise.withResolvers<void>();
  #remaining: number;
  #isSettled = false;

  /** @param records Number of records: at least one. */
  constructor(records: number) {
    this.#remaining = records;
    this.#outcome.promise.catch(() => {});
  }

  /** The result of `send`. */
  get outcome(): Promise<void> {
    return this.#outcome.promise;
  }

  /** Whether it is settled. Its remaining records are not sent then. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** One of its records is stored. */
  stored(): void {
    if (--this.#remaining > 0) return;
    this.#isSettled = true;
    this.#outcome.resolve();
  }

  /** Fails it; records that are stored stay stored. */
  fail(error: unknown): void {
    this.#isSettled = true;
    this.#outcome.reject(error);
  }
}
