/** How much may be in flight: read, but its result not yet stored. */
export interface FlowLimits {
  /** In bytes of images. One larger image passes alone. @default {67_108_864} */
  readonly maxInFlightBytes: number;
  /** In images. @default {4_096} */
  readonly maxInFlight: number;
}

/**
 * What is in flight. The whole is bounded by the limits, and each model by its share of them, so that a model that is slow
 * or down takes no room from the others.
 */
export class Flow {
  readonly #limits: FlowLimits;
  #count = 0;
  #bytes = 0;
  #changed = Promise.withResolvers<void>();

  /** @param limits How much may be in flight. */
  constructor(limits: FlowLimits) {
    this.#limits = limits;
  }

  /** How many images are in flight. */
  get count(): number {
    return this.#count;
  }

  /** Their size in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a share of the limits is used up; the whole by default. */
  full(share = 1): boolean {
    return this.#count >= this.#limits.maxInFlight * share ||
      this.#bytes >= this.#limits.maxInFlightBytes * share;
  }

  /** Counts an image in. */
  enter(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }

  /** Counts an image out. */
  leave(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves when there is room. */
  async room(): Promise<void> {
    while (this.full()) await this.#changed.promise;
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    while (this.#count > 0) await this.#changed.promise;
  }
}
