/**
 * Waits for a promise, but not beyond an abort. Leaves nothing behind at the signal: `Promise.race` with a promise that stays
 * pending would keep every result there ever was.
 *
 * @param promise What is waited for.
 * @param signal Ends the wait.
 * @returns What the promise resolved with; `null` when the signal was first.
 * @throws What the promise rejected with.
 */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const { promise: aborted, resolve } = Promise.withResolvers<null>();
  const end = () => resolve(null);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
