import { median } from "../../lib/median.ts";

/** A sample of the memory of the worker process. */
export interface Sample {
  /** Milliseconds since the first image was sent. */
  readonly atMs: number;
  /** Number of images with a result. */
  readonly images: number;
  /** Resident memory of the process, including its Workers, in bytes. */
  readonly rssBytes: number;
}

/** The memory of a run, in bytes. */
export interface Growth {
  /** The first sample after a sixth of the images. */
  readonly warmBytes: number;
  /** The last sample. */
  readonly endBytes: number;
  /** The largest sample. */
  readonly largestBytes: number;
  /** Median during the second sixth of the images. */
  readonly earlyBytes: number;
  /** Median during the last sixth of the images. */
  readonly lateBytes: number;
  /** Difference of the medians; negative if memory has shrunk. */
  readonly growthBytes: number;
}

/** A median of fewer samples is not meaningful. */
const MIN_SAMPLES = 3;

/**
 * Measures the growth of memory after the first sixth of a run, in which caches fill and code is compiled. It
 * compares the medians of the second and the last sixth: single samples vary with garbage collection.
 *
 * @param samples In the order of time.
 * @param messages Number of images of the run.
 * @returns `null` if the run was too short: fewer than three samples in one of the two sixths.
 */
export function judgeGrowth(samples: readonly Sample[], messages: number): Growth | null {
  const between = (from: number, to: number) =>
    samples.filter(({ images }) => images >= from * messages && images <= to * messages)
      .map(({ rssBytes }) => rssBytes);
  const [early, late] = [between(1 / 6, 2 / 6), between(5 / 6, 1)];
  if (Math.min(early.length, late.length) < MIN_SAMPLES) return null;
  const [earlyBytes, lateBytes] = [median(early), median(late)];
  return {
    warmBytes: early[0]!,
    endBytes: late.at(-1)!,
    largestBytes: samples.reduce((largest, { rssBytes }) => Math.max(largest, rssBytes), 0),
    earlyBytes,
    lateBytes,
    growthBytes: lateBytes - earlyBytes,
  };
}
