import type { Bus } from "../bus/bus.ts";
import { setImmediate as yieldToEventLoop } from "node:timers/promises";
import { sleep } from "../lib/sleep.ts";

/** How an open loop asks. */
export interface Schedule {
  /** Images per second. */
  readonly rate: number;
  readonly seconds: number;
}

/**
 * Latencies of `classify` in milliseconds, sorted. Each image is sent when its turn comes, however long the ones before
 * it take, and its latency counts from that moment: a pause of the bus shows in all images that fall into it.
 *
 * @param bus Where a worker serves the model.
 * @param images Sent in turn.
 * @param model Classifies them.
 * @param schedule How many per second, and for how long.
 */
export async function latencies(
  bus: Bus,
  images: readonly Uint8Array[],
  model: string,
  { rate, seconds }: Schedule,
): Promise<number[]> {
  const running: Promise<number>[] = [];
  const begun = performance.now();
  const ask = async (index: number) => {
    await bus.classify(images[index % images.length]!, { model });
    return performance.now() - (begun + index * 1_000 / rate);
  };
  for (let index = 0; index < seconds * rate; index++) {
    await until(begun + index * 1_000 / rate, 1_000 / rate);
    running.push(ask(index));
  }
  return (await Promise.all(running)).sort((a, b) => a - b);
}

/** Timers are late by up to a millisecond, which would count as latency. */
const TIMER_MS = 1.5;
/** Images that come faster are not waited for in a loop, which would take most of a core. */
const LOOP_FROM_MS = 4 * TIMER_MS;

async function until(time: number, intervalMs: number): Promise<void> {
  const waitMs = time - performance.now();
  if (intervalMs < LOOP_FROM_MS) return waitMs > 0 ? await sleep(waitMs) : undefined;
  if (waitMs > TIMER_MS) await sleep(Math.floor(waitMs - TIMER_MS));
  while (performance.now() < time) await yieldToEventLoop();
}

/**
 * A quantile.
 *
 * @param sorted Numbers in ascending order, at least one.
 * @param share 0 to 1.
 */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
