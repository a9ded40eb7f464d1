import { backendMemoryBytes } from "../../models/backend.ts";

/**
 * How much memory this thread has taken: the WASM memory of TensorFlow.js, the JavaScript heap, and what lies outside of both
 * but belongs to the heap, such as the bytes of typed arrays. What nobody needs any more counts until it is collected. Takes
 * 10 µs and no permission; of the process it tells nothing.
 *
 * @returns Bytes.
 */
export function workerMemoryBytes(): number {
  const { heapTotal, external } = Deno.memoryUsage();
  return (backendMemoryBytes() ?? 0) + heapTotal + external;
}
