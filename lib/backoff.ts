import { sleep } from "./sleep.ts";

/** Bounds of a {@linkcode Backoff}, in milliseconds; each pause is 0.5 to 1.5 times its mean. */
export interface BackoffOptions {
  /** Mean of the first pause. @default {50} */
  readonly initialMs?: number;
  /** Mean of the longest pause. @default {1_000} */
  readonly maxMs?: number;
}

/**
 * Pauses between attempts: each twice as long as the one before, up to a maximum, with jitter, so that many clients of one
 * server do not come back at the same moment.
 *
 * @example
 * ```ts
 * import { Backoff } from "./backoff.ts";
 * const backoff = new Backoff({ initialMs: 1, maxMs: 4 });
 * for (let attempt = 1; attempt < 3; attempt++) await backoff.wait();
 * console.log(backoff.attempts); // 2
 * ```
 */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  #attempts = 0;

  /** @param options Bounds of the pauses. */
  constructor({ initialMs = 50, maxMs = 1_000 }: BackoffOptions = {}) {
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
  }

  /** Number of pauses since the last success. */
  get attempts(): number {
    return this.#attempts;
  }

  /** An attempt succeeded: the next pause is short again. */
  reset(): void {
    this.#attempts = 0;
  }

  /** The next pause in milliseconds, counted as an attempt. */
  next(): number {
    const meanMs = Math.min(this.#maxMs, this.#initialMs * 2 ** this.#attempts++);
    return meanMs * (0.5 + Math.random());
  }

  /**
   * Waits before the next attempt.
   *
   * @param signal Ends the wait early; the promise resolves all the same.
   */
  wait(signal?: AbortSignal): Promise<void> {
    return sleep(this.next(), signal);
  }
}
