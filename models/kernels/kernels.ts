/**
 * The project's own kernels in the memory of TensorFlow.js's WASM backend, which work on its tensors in
 * place. Their sources and their documentation are in `assembly/`.
 *
 * @module
 */
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { BINARY } from "./binary.ts";
import { attachInference, hasRelaxedSimd, instantiateInference } from "./inference.ts";
import { type Address, attachedMemory, attachHeap } from "./memory.ts";

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

/**
 * Attaches the kernels of this thread to the memory of the backend.
 *
 * @param shared Memory of the backend.
 */
export async function attachKernels(shared: WebAssembly.Memory): Promise<void> {
  const { wasm } = backend();
  const inference = await instantiateInference(shared, hasRelaxedSimd());
  // Together: what is loaded in between would have the memory of one and the kernels of the other.
  attachInference(inference);
  attachHeap({
    memory: shared,
    allocate: (bytes) => wasm._malloc(bytes) >>> 0,
    release: (address) => wasm._free(address),
  });
}

/**
 * Chooses the kernels of inference of this thread.
 *
 * @param isRelaxed Whether they use relaxed SIMD; `attachKernels` uses it where the machine has it.
 */
export async function chooseInference(isRelaxed: boolean): Promise<void> {
  attachInference(await instantiateInference(attachedMemory(), isRelaxed));
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

function backend(): WasmBackend {
  return tf.backend() as unknown as WasmBackend;
}
