/** A set of integers from 0, with one bit each. */
export class Bitset {
  /** Number of members. */
  size = 0;
  readonly #bits: Uint8Array;

  /** @param count Largest possible member, plus 1. */
  constructor(count: number) {
    this.#bits = new Uint8Array(Math.ceil(count / 8));
  }

  has(number: number): boolean {
    return (this.#bits[number >> 3]! & (1 << (number & 7))) !== 0;
  }

  /** @returns Whether the number was not a member before. */
  add(number: number): boolean {
    if (this.has(number)) return false;
    this.#bits[number >> 3]! |= 1 << (number & 7);
    this.size++;
    return true;
  }
}
