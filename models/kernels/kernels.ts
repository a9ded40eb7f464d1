/**
 * The project's own kernels in the memory of TensorFlow.js's WASM backend, which work on its tensors in
 * place. Their sources and their documentation are in `assembly/`.
 *
 * @module
 */
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { BINARY } from "./binary.ts";
import { attachInference, hasRelaxedSimd } from "./inference.ts";

/** A place in the backend's memory, in bytes. */
export type Address = number;

/** A function of numbers; their names are those in `assembly/`, where they are documented. */
type Kernel<Names extends readonly string[], Result = void> = (
  ...numbers: { [I in keyof Names]: number }
) => Result;

/** The exports of `assembly/index.ts`. */
export interface Kernels {
  addGradientMoments: Kernel<["dy", "y", "x", "rows", "channels", "floor", "sums"]>;
  addKernelGradient: Kernel<
    ["image", "dy", "sums", "width", "channels", "side", "rows", "columns", "filters"]
  >;
  addKernelGradient3: Kernel<
    ["x", "images", "height", "width", "inputs", "zeros", "dy", "sums", "outputs", "block", "scratch"]
  >;
  addMoments: Kernel<["x", "rows", "channels", "sums"]>;
  convolve: Kernel<["image", "panels", "out", "width", "channels", "side", "rows", "columns", "filters"]>;
  convolve3: Kernel<
    ["x", "images", "height", "width", "inputs", "zeros", "panels", "out", "outputs", "block", "scratch"]
  >;
  finishKernelGradient3: Kernel<["sums", "gradient", "inputs", "outputs", "line"]>;
  gradientByInput: Kernel<["dy", "y", "x", "dx", "rows", "channels", "floor", "a", "b", "c"]>;
  maxPool: Kernel<["x", "y", "images", "height", "width", "channels", "side"]>;
  maxPoolGradient: Kernel<["dy", "y", "x", "dx", "images", "height", "width", "channels", "side"]>;
  pad: Kernel<["from", "to", "height", "width", "channels", "paddedHeight", "paddedWidth", "top"]>;
  scaleShift: Kernel<["x", "y", "rows", "channels", "scale", "shift", "floor"]>;
  scratchBytes: Kernel<["block", "inputs", "outputs"], number>;
  toPanels: Kernel<["from", "to", "depth", "columns"]>;
  transformKernel: Kernel<["kernel", "panels", "inputs", "outputs", "line"]>;
  turn: Kernel<["from", "to", "side", "inputs", "outputs"]>;
}

/** The used part of the backend; the ES modules of the package do not include its types. */
interface WasmBackend {
  readonly wasm: { _malloc(bytes: number): number; _free(address: number): void };
  readonly dataIdMap: { get(dataId: tf.DataId): { memoryOffset: number } };
  makeOutput(shape: number[], dtype: "float32"): tf.TensorInfo;
}

let training: Kernels | undefined;
let memory: WebAssembly.Memory | undefined;

/**
 * Attaches the kernels of this thread to the memory of the backend.
 *
 * @param shared Memory of the backend.
 */
export async function attachKernels(shared: WebAssembly.Memory): Promise<void> {
  memory = shared;
  await chooseInference(hasRelaxedSimd());
}

/**
 * Chooses the kernels of inference of this thread.
 *
 * @param isRelaxed Whether they use relaxed SIMD; `attachKernels` uses it where the machine has it.
 */
export async function chooseInference(isRelaxed: boolean): Promise<void> {
  await attachInference(attachedMemory(), isRelaxed);
}

/**
 * The kernels of training; the first call compiles them.
 *
 * @throws {Error} If the backend was not started.
 */
export function kernels(): Kernels {
  return training ??= new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.fromBase64(BINARY)), {
    env: { memory: attachedMemory() },
  }).exports as unknown as Kernels;
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
 * Allocates memory of the backend.
 *
 * @param bytes How much.
 * @returns Where it begins, aligned to 16 bytes; the caller releases it with {@linkcode release}.
 * @throws {Error} If there is no memory left.
 */
export function allocate(bytes: number): Address {
  const address = backend().wasm._malloc(bytes) >>> 0;
  if (address === 0) throw new Error(`Cannot allocate ${bytes} bytes in the memory of TensorFlow.js`);
  return address;
}

/**
 * Releases memory.
 *
 * @param address From {@linkcode allocate}.
 */
export function release(address: Address): void {
  backend().wasm._free(address);
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
 * Bytes in memory.
 *
 * @param address Of the first one.
 * @param length How many.
 * @returns A view; valid until the memory grows, that is until the next tensor is created.
 */
export function bytesAt(address: Address, length: number): Uint8Array {
  return new Uint8Array(attachedMemory().buffer, address, length);
}

/**
 * Integers in memory.
 *
 * @param address Of the first one, a multiple of 4.
 * @param length How many.
 * @returns A view; valid until the memory grows, that is until the next tensor is created.
 */
export function intsAt(address: Address, length: number): Int32Array {
  return new Int32Array(attachedMemory().buffer, address, length);
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

function attachedMemory(): WebAssembly.Memory {
  if (memory !== undefined) return memory;
  throw new Error("Cannot use the kernels: the backend was not started; call startBackend first");
}

function backend(): WasmBackend {
  return tf.backend() as unknown as WasmBackend;
}
