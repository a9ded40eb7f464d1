import { Histogram, type MetricRegistry, type Value } from "../../lib/metrics.ts";

/** What happened in one second. */
export interface Sample {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly at: number;
  /** Images whose results were stored, per second. */
  readonly images: number;
  /** Of these, failures. */
  readonly failures: number;
  /** Median time from storing a message until its result was stored, in milliseconds; `null` without images. */
  readonly p50: number | null;
  /** The time that 99 of 100 images did not exceed, in milliseconds. */
  readonly p99: number | null;
  readonly inFlight: number;
  /** `null` while the bus does not answer. */
  readonly lag: number | null;
}

/** How many samples are kept: ten minutes. */
export const MAX_SAMPLES = 600;

/** The last ten minutes, for pages that are opened later. */
export class History {
  readonly #registry: MetricRegistry;
  #samples: Sample[] = [];
  #last = { at: performance.now(), images: 0, failures: 0, counts: [] as readonly number[] };

  /** @param registry Of the service. */
  constructor(registry: MetricRegistry) {
    this.#registry = registry;
  }

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Takes a sample of the time since the last one. */
  take(inFlight: number, lag: number | null): Sample {
    const now = performance.now();
    const seconds = Math.max((now - this.#last.at) / 1_000, 0.001);
    const images = this.#sum("imagebus_images_total");
    const failures = this.#sum("imagebus_failures_total");
    const { bounds, counts } = this.#latencies();
    const before = this.#last;
    const fresh = counts.map((count, i) => count - (before.counts[i] ?? 0));
    this.#last = { at: now, images, failures, counts };
    const sample = {
      at: Date.now(),
      images: (images - before.images) / seconds,
      failures: (failures - before.failures) / seconds,
      p50: quantile(bounds, fresh, 0.5),
      p99: quantile(bounds, fresh, 0.99),
      inFlight,
      lag,
    };
    this.#samples.push(sample);
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    return sample;
  }

  #sum(name: string): number {
    let sum = 0;
    for (const { series } of this.#family(name)) sum += (series as Value).value;
    return sum;
  }

  #latencies() {
    let bounds: readonly number[] = [];
    let counts: readonly number[] = [];
    for (const { series } of this.#family("imagebus_end_to_end_duration_seconds")) {
      if (!(series instanceof Histogram)) continue;
      bounds = series.bounds;
      counts = Array.from(series.counts, (count, i) => count + (counts[i] ?? 0));
    }
    return { bounds, counts };
  }

  #family(name: string) {
    return this.#registry.find(name) ?? [];
  }
}

/**
 * A quantile of what a histogram counted, as Prometheus estimates it: even within a bucket.
 *
 * @param bounds In seconds.
 * @param counts Per bucket.
 * @param q 0 to 1.
 * @returns In milliseconds; `null` when nothing was counted.
 */
export function quantile(bounds: readonly number[], counts: readonly number[], q: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [i, count] of counts.entries()) {
    const [from, to] = [bounds[i - 1] ?? 0, bounds[i] ?? bounds.at(-1)!];
    if (below + count >= q * total) return 1_000 * (from + (to - from) * (q * total - below) / count);
    below += count;
  }
  return null;
}
