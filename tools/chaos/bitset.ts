/** A set of whole numbers from 0: one bit each. */
export class Bitset {
  /** How many numbers are in it. */
  size = 0;
  readonly #bits: Uint8Array;

  /** @param count The largest number it can hold, plus 1. */
  constructor(count: number) {
    this.#bits = new Uint8Array(Math.ceil(count / 8));
  }

  /** Whether a number is in it. */
  has(number: number): boolean {
    return (this.#bits[number >> 3]! & (1 << (number & 7))) !== 0;
  }

  /**
   * Puts a number in.
   *
   * @returns Whether it was not there before.
   */
  add(number: number): boolean {
    if (this.has(number)) return false;
    this.#bits[number >> 3]! |= 1 << (number & 7);
    this.size++;
    return true;
  }
}
