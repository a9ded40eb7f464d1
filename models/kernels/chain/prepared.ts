import type { Address } from "../memory.ts";
import type { KernelMemory } from "../kernel_memory.ts";
import type { Operation } from "./operation.ts";

/** The byte of the range. */
export const LARGEST_BYTE = 127;

/** An operation in memory. */
export interface Prepared {
  /** Runs it on the images in its place of input. */
  run(images: number): void;
}

/** What is stored of 1 of the output: of bytes, how many of them. */
export function unitOfOutput({ range }: Pick<Operation, "range">): number {
  return range === undefined ? 1 : LARGEST_BYTE / range;
}

/** The operation with weights that give its output in the unit in which it is stored. */
export function inUnitOfOutput<O extends Operation>(operation: O): O {
  if (operation.range === undefined) return operation;
  const unit = unitOfOutput(operation);
  return { ...operation, kernel: operation.kernel.map((weight) => weight * unit) };
}

/**
 * Lays a matrix out for the inner loop.
 *
 * @param matrix `depth` × `columns`.
 * @returns Its panels; missing columns up to a multiple of 4 are 0.
 */
export function panels(matrix: Float32Array, depth: number, columns: number, memory: KernelMemory): Address {
  const address = memory.zeros(depth * (columns + 3 & ~3));
  memory.withFloats(matrix, (from) => memory.kernels.to_panels(from, address, depth, columns));
  return address;
}

/** Numbers per filter or unit, up to a multiple of 4. */
export function padded(numbers: Float32Array, memory: KernelMemory): Address {
  const all = new Float32Array(numbers.length + 3 & ~3);
  all.set(numbers);
  return memory.floats(all);
}

/** `struct finish`. */
export function finish(operation: Operation, memory: KernelMemory): (number | readonly [number])[] {
  const { bias, bounds: { floor, ceiling }, range } = operation;
  const unit = unitOfOutput(operation);
  const isBytes = range !== undefined;
  const largest = isBytes ? Math.min(ceiling * unit, LARGEST_BYTE) : ceiling;
  return [padded(bias.map((number) => number * unit), memory), [floor], [largest], Number(isBytes)];
}
