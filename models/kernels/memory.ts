/**
 * The memory of this thread that the project's own kernels work in: that of TensorFlow.js, so that they can use its tensors
 * in place, or one of their own, where no layer needs TensorFlow.js.
 *
 * @module
 */

/** A place in the memory, in bytes. */
export type Address = number;

/** A memory with its allocator. */
export interface Heap {
  readonly memory: WebAssembly.Memory;
  /** Returns an address that is aligned to 16 bytes; 0 if there is no memory left. */
  allocate(bytes: number): Address;
  release(address: Address): void;
}

let attached: Heap | undefined;

/**
 * Attaches the memory. What was loaded before keeps the one that it is in.
 *
 * @param heap Used by this thread from now on.
 */
export function attachHeap(heap: Heap): void {
  attached = heap;
}

/** Whether a memory is attached. */
export function hasHeap(): boolean {
  return attached !== undefined;
}

/**
 * Size of the memory of this thread. WebAssembly memory never shrinks.
 *
 * @returns Bytes; 0 before one is attached.
 */
export function memoryBytes(): number {
  return attached?.memory.buffer.byteLength ?? 0;
}

/**
 * The attached memory with its allocator.
 *
 * @throws {Error} If none is attached.
 */
export function attachedHeap(): Heap {
  if (attached !== undefined) return attached;
  throw new Error("Cannot use the kernels: they have no memory; call startBackend first");
}

/**
 * The attached memory.
 *
 * @throws {Error} If none is attached.
 */
export function attachedMemory(): WebAssembly.Memory {
  return attachedHeap().memory;
}

/**
 * Allocates memory.
 *
 * @param bytes How much.
 * @returns Where it begins, aligned to 16 bytes; the caller releases it with {@linkcode release}.
 * @throws {Error} If there is no memory left.
 */
export function allocate(bytes: number): Address {
  const address = attachedHeap().allocate(bytes);
  if (address === 0) throw new Error(`Cannot allocate ${bytes} bytes in the memory of the kernels`);
  return address;
}

/**
 * Releases memory.
 *
 * @param address From {@linkcode allocate}.
 */
export function release(address: Address): void {
  attachedHeap().release(address);
}

/**
 * Allocates memory for the duration of a call.
 *
 * @param bytes How much.
 * @param use Receives the address, aligned to 16 bytes.
 * @returns The result of `use`.
 * @throws {Error} If there is no memory left.
 */
export function withScratch<T>(bytes: number, use: (address: Address) => T): T {
  const address = allocate(bytes + 16);
  try {
    return use((address + 15) & ~15);
  } finally {
    release(address);
  }
}

/**
 * Like {@linkcode withScratch}, with the memory filled with zeros.
 *
 * @param bytes How much.
 * @param use Receives the address, aligned to 16 bytes.
 * @returns The result of `use`.
 */
export function withZeros<T>(bytes: number, use: (address: Address) => T): T {
  return withScratch(bytes, (address) => {
    new Uint8Array(attachedMemory().buffer, address, bytes).fill(0);
    return use(address);
  });
}

/**
 * Numbers in memory.
 *
 * @param address Of the first one, a multiple of 4.
 * @param length How many.
 * @returns A view; valid until the memory grows, that is until the next tensor is created.
 */
export function floatsAt(address: Address, length: number): Float32Array {
  return new Float32Array(attachedMemory().buffer, address, length);
}

/**
 * Numbers of double precision in memory.
 *
 * @param address Of the first one, a multiple of 8.
 * @param length How many.
 * @returns A view; valid until the memory grows, that is until the next tensor is created.
 */
export function doublesAt(address: Address, length: number): Float64Array {
  return new Float64Array(attachedMemory().buffer, address, length);
}
