import prand from "npm:pure-rand@7.0.1";

/** Reproducible random numbers: the same seeds give the same numbers on every machine. */
export class Random {
  readonly #generator: ReturnType<typeof prand.xoroshiro128plus>;

  /**
   * Starts a sequence.
   *
   * @param seed Of the training.
   * @param stream One of the independent sequences, e.g. the epoch, so that a resumed training uses the same
   * numbers.
   */
  constructor(seed: number, stream: number) {
    this.#generator = prand.xoroshiro128plus(Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b));
  }

  /** Draws an integer from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return prand.unsafeUniformIntDistribution(min, max, this.#generator);
  }

  /** Draws a number from `min` to `max`. */
  between(min: number, max: number): number {
    return min + (max - min) * this.integer(0, STEPS) / STEPS;
  }

  /** Shuffles 0 to `count - 1` (Fisher–Yates). */
  permutation(count: number): Uint32Array<ArrayBuffer> {
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let last = count - 1; last > 0; last--) {
      const other = this.integer(0, last);
      [order[last], order[other]] = [order[other]!, order[last]!];
    }
    return order;
  }
}

const STEPS = 2 ** 24;
