/**
 * Kernels of our own in the memory of TensorFlow.js's WASM backend: they work on its tensors in place. Their sources are
 * in `assembly/`; each is documented there.
 *
 * @module
 */
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { BINARY } from "./binary.ts";

/** A place in the backend's memory, in bytes. */
export type Address = number;

/** What `assembly/index.ts` exports. */
export interface Kernels {
  addGradientMoments(
    ...args: [
      dy: Address,
      y: Address,
      x: Address,
      rows: number,
      channels: number,
      floor: number,
      sums: Address,
    ]
  ): void;
  addKernelGradient(
    ...args: [
      picture: Address,
      dy: Address,
      sums: Address,
      width: number,
      channels: number,
      side: number,
      rows: number,
      columns: number,
      filters: number,
    ]
  ): void;
  addKernelGradient3(
    ...args: [
      x: Address,
      images: number,
      height: number,
      width: number,
      inputs: number,
      zeros: number,
      dy: Address,
      sums: Address,
      outputs: number,
      block: number,
      scratch: Address,
    ]
  ): void;
  addMoments(x: Address, rows: number, channels: number, sums: Address): void;
  convolve(
    ...args: [
      picture: Address,
      panels: Address,
      out: Address,
      width: number,
      channels: number,
      side: number,
      rows: number,
      columns: number,
      filters: number,
    ]
  ): void;
  convolve3(
    ...args: [
      x: Address,
      images: number,
      height: number,
      width: number,
      inputs: number,
      zeros: number,
      panels: Address,
      out: Address,
      outputs: number,
      block: number,
      scratch: Address,
    ]
  ): void;
  finishKernelGradient3(
    sums: Address,
    gradient: Address,
    inputs: number,
    outputs: number,
    line: Address,
  ): void;
  gradientByInput(
    ...args: [
      dy: Address,
      y: Address,
      x: Address,
      dx: Address,
      rows: number,
      channels: number,
      floor: number,
      a: Address,
      b: Address,
      c: Address,
    ]
  ): void;
  maxPool(
    ...args: [
      x: Address,
      y: Address,
      images: number,
      height: number,
      width: number,
      channels: number,
      side: number,
    ]
  ): void;
  maxPoolGradient(
    ...args: [
      dy: Address,
      y: Address,
      x: Address,
      dx: Address,
      images: number,
      height: number,
      width: number,
      channels: number,
      side: number,
    ]
  ): void;
  pad(
    ...args: [
      from: Address,
      to: Address,
      height: number,
      width: number,
      channels: number,
      paddedHeight: number,
      paddedWidth: number,
      top: number,
    ]
  ): void;
  scaleShift(
    ...args: [
      x: Address,
      y: Address,
      rows: number,
      channels: number,
      scale: Address,
      shift: Address,
      floor: number,
    ]
  ): void;
  scratchBytes(block: number, inputs: number, outputs: number): number;
  toPanels(from: Address, to: Address, depth: number, columns: number): void;
  transformKernel(kernel: Address, panels: Address, inputs: number, outputs: number, line: Address): void;
  turn(from: Address, to: Address, side: number, inputs: number, outputs: number): void;
}

/** What we need of the backend; its own types do not travel with the package's ES modules. */
interface WasmBackend {
  readonly wasm: { _malloc(bytes: number): number; _free(address: number): void };
  readonly dataIdMap: { get(dataId: tf.DataId): { memoryOffset: number } };
  makeOutput(shape: number[], dtype: "float32"): tf.TensorInfo;
}

let instance: Kernels | undefined;
let memory: WebAssembly.Memory | undefined;

/**
 * Puts the kernels beside TensorFlow.js's own.
 *
 * @param shared The memory of the backend of this thread.
 */
export async function attachKernels(shared: WebAssembly.Memory): Promise<void> {
  const { instance: { exports } } = await WebAssembly.instantiate(Uint8Array.fromBase64(BINARY), {
    env: { memory: shared },
  });
  instance = exports as unknown as Kernels;
  memory = shared;
}

/**
 * Gives the kernels of this thread.
 *
 * @returns The kernels.
 * @throws {Error} If the backend was not started.
 */
export function kernels(): Kernels {
  if (instance === undefined) throw new Error("startBackend comes before the kernels");
  return instance;
}

/**
 * Finds a tensor's numbers in memory.
 *
 * @param tensor On the WASM backend.
 * @returns The address of its first number; good until the tensor is disposed of.
 */
export function addressOf(tensor: tf.TensorInfo): Address {
  return backend().dataIdMap.get(tensor.dataId).memoryOffset;
}

/**
 * Makes a tensor that holds whatever is there.
 *
 * @param shape Of the tensor.
 * @returns A tensor of float32, to be written by a kernel.
 */
export function emptyTensor<T extends tf.Tensor>(shape: readonly number[]): T {
  return tf.engine().makeTensorFromTensorInfo(backend().makeOutput([...shape], "float32")) as T;
}

/**
 * Lends memory of the backend for the time of a call.
 *
 * @param bytes How much.
 * @param use Gets the address, aligned to 16 bytes.
 * @returns What `use` returns.
 * @throws {Error} If there is no more memory.
 */
export function withScratch<T>(bytes: number, use: (address: Address) => T): T {
  const { wasm } = backend();
  const address = wasm._malloc(bytes + 16) >>> 0;
  if (address === 0) throw new Error(`TensorFlow.js has no ${bytes} bytes left`);
  try {
    return use((address + 15) & ~15);
  } finally {
    wasm._free(address);
  }
}

/**
 * Lends memory like {@linkcode withScratch}, filled with zeros.
 *
 * @param bytes How much.
 * @param use Gets the address, aligned to 16 bytes.
 * @returns What `use` returns.
 */
export function withZeros<T>(bytes: number, use: (address: Address) => T): T {
  return withScratch(bytes, (address) => {
    new Uint8Array(memory!.buffer, address, bytes).fill(0);
    return use(address);
  });
}

/**
 * Looks at numbers in memory.
 *
 * @param address Of the first one, a multiple of 4.
 * @param length How many.
 * @returns A view; good until memory grows, so until the next tensor is made.
 */
export function floatsAt(address: Address, length: number): Float32Array {
  return new Float32Array(memory!.buffer, address, length);
}

/**
 * Looks at numbers of double precision in memory.
 *
 * @param address Of the first one, a multiple of 8.
 * @param length How many.
 * @returns A view; good until memory grows, so until the next tensor is made.
 */
export function doublesAt(address: Address, length: number): Float64Array {
  return new Float64Array(memory!.buffer, address, length);
}

function backend(): WasmBackend {
  return tf.backend() as unknown as WasmBackend;
}
