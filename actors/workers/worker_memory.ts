import { memoryBytes } from "../../models/kernels/memory.ts";

/**
 * Measures the memory of this thread: the WASM memory of the kernels, the JavaScript heap, and what lies
 * outside of both but belongs to the heap, such as the bytes of typed arrays. Garbage counts until it is
 * collected. Takes 10 µs and no permission; inside a Worker it covers the Worker alone, not the process.
 *
 * @returns Bytes.
 */
export function workerMemoryBytes(): number {
  const { heapTotal, external } = Deno.memoryUsage();
  return memoryBytes() + heapTotal + external;
}
