import { inference, type InferenceKernels } from "./inference.ts";
import { type Address, attachedHeap, type Heap } from "./memory.ts";

/**
 * Memory that is released together, and the kernels of inference that work in it: those that were attached when it was
 * created. Addresses are aligned to 64 bytes, a line of the cache.
 */
export class KernelMemory implements Disposable {
  /** The kernels. */
  readonly kernels: InferenceKernels = inference();
  readonly #heap: Heap = attachedHeap();
  readonly #blocks: Address[] = [];

  /**
   * Allocates numbers.
   *
   * @param count How many; they are 0.
   * @returns Where they begin.
   */
  zeros(count: number): Address {
    const address = this.#allocate(4 * count);
    this.floatsAt(address, count).fill(0);
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
    this.floatsAt(address, numbers.length).set(numbers);
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
    this.bytesAt(address, bytes.length).set(bytes);
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

  /**
   * Allocates memory for the duration of a call.
   *
   * @param numbers Its content, which is copied.
   * @param use Receives the address.
   */
  withFloats(numbers: Float32Array, use: (address: Address) => void): void {
    const address = this.floats(numbers);
    const block = this.#blocks.pop()!;
    try {
      use(address);
    } finally {
      this.#heap.release(block);
    }
  }

  /** Numbers in memory: a view that is valid until something is allocated. */
  floatsAt(address: Address, length: number): Float32Array {
    return new Float32Array(this.#heap.memory.buffer, address, length);
  }

  /** Bytes in memory: a view that is valid until something is allocated. */
  bytesAt(address: Address, length: number): Uint8Array {
    return new Uint8Array(this.#heap.memory.buffer, address, length);
  }

  /** Integers in memory: a view that is valid until something is allocated. */
  intsAt(address: Address, length: number): Int32Array {
    return new Int32Array(this.#heap.memory.buffer, address, length);
  }

  [Symbol.dispose](): void {
    for (const block of this.#blocks.splice(0)) this.#heap.release(block);
  }

  #allocate(bytes: number): Address {
    const block = this.#heap.allocate(bytes + 64);
    if (block === 0) throw new Error(`Cannot allocate ${bytes} bytes in the memory of the kernels`);
    this.#blocks.push(block);
    return (block + 63) & ~63;
  }
}
