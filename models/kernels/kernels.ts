/**
 * The project's own kernels in the memory of TensorFlow.js's WASM backend, which work on its tensors in
 * place. Their sources and their documentation are in `assembly/`.
 *
 * @module
 */
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { BINARY } from "./binary.ts";

/** A place in the backend's memory, in bytes. */
export type Address = number;

/** The exports of `assembly/index.ts`. */
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
      image: Address,
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
      image: Address,
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

/** The used part of the backend; the ES modules of the package do not include its types. */
interface WasmBackend {
  readonly wasm: { _malloc(bytes: number): number; _free(address: number): void };
  readonly dataIdMap: { get(dataId: tf.DataId): { memoryOffset: number } };
  makeOutput(shape: number[], dtype: "float32"): tf.TensorInfo;
}

let instance: Kernels | undefined;
let memory: WebAssembly.Memory | undefined;

/**
 * Instantiates the kernels for this thread.
 *
 * @param shared Memory of the backend.
 */
export async function attachKernels(shared: WebAssembly.Memory): Promise<void> {
  const { instance: { exports } } = await WebAssembly.instantiate(Uint8Array.fromBase64(BINARY), {
    env: { memory: shared },
  });
  instance = exports as unknown as Kernels;
  memory = shared;
}

/**
 * The kernels of this thread.
 *
 * @throws {Error} If the backend was not started.
 */
export function kernels(): Kernels {
  if (instance === undefined) {
    throw new Error("Cannot use the kernels: the backend was not started; call startBackend first");
  }
  return instance;
}

/**
 * Address of a tensor.
 *
 * @param tensor On the WASM backend.
 * @returns Of its first number; valid until the tensor is disposed of.
 */
export function addressOf(tensor: tf.TensorInfo): Address {
  return backend().dataIdMap.get(tensor.dataId).memoryOffset;
}

/**
 * Creates an uninitialised tensor of float32, for a kernel to write.
 *
 * @param shape Of the tensor.
 */
export function emptyTensor<T extends tf.Tensor>(shape: readonly number[]): T {
  return tf.engine().makeTensorFromTensorInfo(backend().makeOutput([...shape], "float32")) as T;
}

/**
 * Allocates memory of the backend for the duration of a call.
 *
 * @param bytes How much.
 * @param use Receives the address, aligned to 16 bytes.
 * @returns The result of `use`.
 * @throws {Error} If there is no memory left.
 */
export function withScratch<T>(bytes: number, use: (address: Address) => T): T {
  const { wasm } = backend();
  const address = wasm._malloc(bytes + 16) >>> 0;
  if (address === 0) throw new Error(`Cannot allocate ${bytes} bytes in the memory of TensorFlow.js`);
  try {
    return use((address + 15) & ~15);
  } finally {
    wasm._free(address);
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
    new Uint8Array(memory!.buffer, address, bytes).fill(0);
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
  return new Float32Array(memory!.buffer, address, length);
}

/**
 * Numbers of double precision in memory.
 *
 * @param address Of the first one, a multiple of 8.
 * @param length How many.
 * @returns A view; valid until the memory grows, that is until the next tensor is created.
 */
export function doublesAt(address: Address, length: number): Float64Array {
  return new Float64Array(memory!.buffer, address, length);
}

function backend(): WasmBackend {
  return tf.backend() as unknown as WasmBackend;
}
