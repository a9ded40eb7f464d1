import { type Address, allocate, bytesAt, floatsAt, release } from "./kernels.ts";

/** Memory of the backend that is released together. Addresses are aligned to 64 bytes, a line of the cache. */
export class KernelMemory implements Disposable {
  readonly #blocks: Address[] = [];

  /**
   * Allocates numbers.
   *
   * @param count How many; they are 0.
   * @returns Where they begin.
   */
  zeros(count: number): Address {
    const address = this.#allocate(4 * count);
    floatsAt(address, count).fill(0);
    return address;
  }

  /**
   * Stores numbers.
   *
   * @param numbers They are copied.
   * @returns Where they begin.
   */
  floats(numbers: Float32Array): Address {
    const address = this.#allocate(4 * numbers.length);
    floatsAt(address, numbers.length).set(numbers);
    return address;
  }

  /**
   * Stores bytes.
   *
   * @param bytes They are copied.
   * @returns Where they begin.
   */
  bytes(bytes: Uint8Array): Address {
    const address = this.#allocate(bytes.length);
    bytesAt(address, bytes.length).set(bytes);
    return address;
  }

  /**
   * Stores a struct of C whose fields are all addresses, `int` or `float`.
   *
   * @param fields In the order of the struct; a `float` in an array.
   * @returns Where it begins.
   */
  struct(fields: readonly (number | readonly [float: number])[]): Address {
    const view = new DataView(new ArrayBuffer(4 * fields.length));
    fields.forEach((field, i) => {
      if (typeof field === "number") view.setInt32(4 * i, field, true);
      else view.setFloat32(4 * i, field[0], true);
    });
    return this.bytes(new Uint8Array(view.buffer));
  }

  [Symbol.dispose](): void {
    for (const block of this.#blocks.splice(0)) release(block);
  }

  #allocate(bytes: number): Address {
    const block = allocate(bytes + 64);
    this.#blocks.push(block);
    return (block + 63) & ~63;
  }
}
