const SLAB_BYTES = 16_384;
const MAX_SHARED_BYTES = SLAB_BYTES / 4;

/**
 * Copies values out of a large answer, which a view would keep in memory for as long as its message is in flight. Small
 * ones share a buffer, since a buffer of its own takes longer to create than a value to copy.
 */
export class ValueSlab {
  #slab = new Uint8Array();
  #used = 0;

  /**
   * @param bytes Of the answer.
   * @param at Where the value is.
   * @param length Its length.
   */
  copy(bytes: Uint8Array, at: number, length: number): Uint8Array {
    if (length * 2 > bytes.buffer.byteLength) return bytes.subarray(at, at + length);
    if (length > MAX_SHARED_BYTES) return new Uint8Array(bytes.subarray(at, at + length));
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const value = this.#slab.subarray(this.#used, this.#used += length);
    value.set(bytes.subarray(at, at + length));
    return value;
  }
}
