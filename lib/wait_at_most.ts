import { sleep } from "./sleep.ts";

/**
 * Waits for a promise, but not longer than a time.
 *
 * @param ms Milliseconds.
 * @param promise What is waited for; if it rejects later, nobody learns of it.
 * @throws What the promise rejected with in time.
 */
export async function waitAtMost(ms: number, promise: Promise<unknown>): Promise<void> {
  const settled = new AbortController();
  try {
    await Promise.race([promise, sleep(ms, settled.signal)]);
  } finally {
    settled.abort();
  }
}
