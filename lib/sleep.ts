/**
 * Waits.
 *
 * @param ms Milliseconds; not positive means one turn of the event loop.
 * @param signal Ends the wait early: the promise resolves all the same, and at once if the signal is aborted already.
 *
 * @example
 * ```ts
 * import { sleep } from "./sleep.ts";
 * await sleep(60_000, AbortSignal.timeout(1)); // resolves after a millisecond
 * ```
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    resolve();
  };
  const timer = setTimeout(end, Math.max(0, ms));
  signal?.addEventListener("abort", end, { once: true });
  return promise;
}
