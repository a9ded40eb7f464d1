import { median } from "../../lib/median.ts";

/** It is run so often and for so long at least. */
const [RUNS, MIN_MS] = [5, 500];

/**
 * @param run What is measured.
 * @returns Milliseconds.
 */
export function medianTime(run: () => void): number {
  const times: number[] = [];
  for (const end = performance.now() + MIN_MS; times.length < RUNS || performance.now() < end;) {
    const begun = performance.now();
    run();
    times.push(performance.now() - begun);
  }
  return median(times);
}
