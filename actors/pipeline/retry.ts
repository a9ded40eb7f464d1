import { Backoff } from "../../lib/backoff.ts";
import { sleep } from "../../lib/sleep.ts";

/**
 * Retries until an attempt succeeds, with growing, jittered pauses: on average 0.1 s at first, 10 s at most.
 *
 * @param attempt Rejects when it fails.
 * @param signal Ends the attempts.
 * @param onFailure Called with each error, and with the pause before the next attempt in milliseconds.
 * `false` ends the attempts.
 * @returns How many attempts failed before one succeeded; `null` when none did.
 */
export async function retry(
  attempt: () => Promise<void>,
  signal: AbortSignal,
  onFailure: (error: unknown, retryInMs: number) => boolean | void,
): Promise<number | null> {
  const backoff = new Backoff({ initialMs: 100, maxMs: 10_000 });
  while (!signal.aborted) {
    const failures = backoff.attempts;
    try {
      await attempt();
      return failures;
    } catch (error) {
      const retryInMs = Math.round(backoff.next());
      if (onFailure(error, retryInMs) === false) return null;
      await sleep(retryInMs, signal);
    }
  }
  return null;
}
