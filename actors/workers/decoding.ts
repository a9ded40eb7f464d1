const NONE = -1;

/**
 * Which image of its batch a Worker decodes: one number in memory that it shares with its supervisor, because a Worker that
 * computes cannot be asked.
 *
 * @example
 * ```ts
 * import { Decoding } from "./decoding.ts";
 * const here = new Decoding();
 * const there = new Decoding(here.memory); // in the Worker, after the memory was sent
 * there.image = 3;
 * if (here.image !== 3) throw new Error("unexpected");
 * ```
 */
export class Decoding {
  /** To be sent to the other side. */
  readonly memory: SharedArrayBuffer;
  readonly #cell: Int32Array;

  /** @param memory Of the other side; new memory where nothing is given. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#cell = new Int32Array(memory);
  }

  /** Index of the image in its batch; `null` while no image is decoded. */
  get image(): number | null {
    const index = Atomics.load(this.#cell, 0);
    return index === NONE ? null : index;
  }

  set image(index: number | null) {
    Atomics.store(this.#cell, 0, index ?? NONE);
  }
}
