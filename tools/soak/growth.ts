/** How much memory the worker process had. */
export interface Sample {
  /** When, in milliseconds since the first image was sent. */
  readonly atMs: number;
  /** How many images had a result by then. */
  readonly images: number;
  /** Resident memory of the process, its Workers included, in bytes. */
  readonly rssBytes: number;
}

/** What the samples of a run say. */
export interface Growth {
  /** At the first sample after a sixth of the images, in bytes. */
  readonly warmBytes: number;
  /** At the last sample, in bytes. */
  readonly endBytes: number;
  /** The largest sample, in bytes. */
  readonly largestBytes: number;
  /** The median of the second sixth of the images, in bytes. */
  readonly earlyBytes: number;
  /** The median of the last sixth, in bytes. */
  readonly lateBytes: number;
  /** From the one median to the other, in bytes: negative when it has shrunk. */
  readonly growthBytes: number;
}

/** With fewer samples a median says nothing. */
const LEAST_SAMPLES = 3;

/**
 * Judges whether memory has grown after the first sixth of a run, in which caches fill and code is compiled. Garbage comes and
 * goes, so that two single samples say little: medians of the second and of the last sixth are compared.
 *
 * @param samples In the order of time.
 * @param messages How many images there are.
 * @returns `null` when there are fewer than three samples in one of the two sixths: the run was too short.
 */
export function judgeGrowth(samples: readonly Sample[], messages: number): Growth | null {
  const between = (from: number, to: number) =>
    samples.filter(({ images }) => images >= from * messages && images <= to * messages)
      .map(({ rssBytes }) => rssBytes);
  const [early, late] = [between(1 / 6, 2 / 6), between(5 / 6, 1)];
  if (Math.min(early.length, late.length) < LEAST_SAMPLES) return null;
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

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
