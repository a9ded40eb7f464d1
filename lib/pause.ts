/**
 * Waits, but not beyond an abort.
 *
 * @param ms Milliseconds.
 * @param signal Ends the wait early; the promise resolves all the same.
 */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

/** Pauses between attempts: each about twice as long as the one before, with a random share. */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  #attempts = 0;

  /**
   * @param firstMs The first pause, on average, in milliseconds.
   * @param mostMs The longest pause, on average.
   */
  constructor(firstMs = 50, mostMs = 1_000) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
  }

  /** Begins anew with a short pause: an attempt succeeded. */
  reset(): void {
    this.#attempts = 0;
  }

  /** Waits before the next attempt. */
  wait(signal: AbortSignal): Promise<void> {
    const mean = Math.min(this.#mostMs, this.#firstMs * 2 ** this.#attempts++);
    return pause(mean * (0.5 + Math.random()), signal);
  }
}

/** Something that has happened since it was last waited for. */
export class Notice {
  #next = Promise.withResolvers<void>();

  /** Resolves at the next {@linkcode Notice.give}. */
  get given(): Promise<void> {
    return this.#next.promise;
  }

  /** Wakes everyone who waits. */
  give(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }
}
