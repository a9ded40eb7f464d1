import { Condition } from "../../lib/condition.ts";

/** How much may be in flight: read, but its result not yet stored. */
export interface FlowLimits {
  /** In bytes, of images with their keys and headers. A larger one passes alone. */
  readonly maxInFlightBytes: number;
  /** In images. */
  readonly maxInFlight: number;
}

/**
 * Counts what is in flight. All models together are bounded by the limits, and each by its share of them, so
 * that a model that is slow or down takes no room from the others.
 */
export class Flow {
  readonly #limits: FlowLimits;
  readonly #left = new Condition();
  #count = 0;
  #bytes = 0;

  /** @param limits How much may be in flight. */
  constructor(limits: FlowLimits) {
    this.#limits = limits;
  }

  /** Number of images in flight. */
  get count(): number {
    return this.#count;
  }

  /** Their size in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether a share of the limits is used up.
   *
   * @param share 0 to 1.
   */
  full(share = 1): boolean {
    return this.#count >= this.#limits.maxInFlight * share ||
      this.#bytes >= this.#limits.maxInFlightBytes * share;
  }

  /** An image of so many bytes is in flight. */
  enter(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }

  /** An image of so many bytes is no longer in flight. */
  leave(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
    this.#left.notify();
  }

  /** Resolves when there is room. */
  async room(): Promise<void> {
    while (this.full()) await this.#left.wait();
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    while (this.#count > 0) await this.#left.wait();
  }
}
