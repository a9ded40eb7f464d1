/**
 * The kernels of inference. Their sources and their documentation are in `c/`.
 *
 * @module
 */
import { PLAIN, RELAXED } from "./inference_binary.ts";

/** A place in the memory, in bytes. */
type Address = number;

/** The exports of `c/`. */
export interface InferenceKernels {
  convolve(layer: Address, images: number): void;
  convolve3(layer: Address, images: number): void;
  convolve8(layer: Address, images: number): void;
  copy_rows(
    from: Address,
    fromRow: number,
    fromImage: number,
    to: Address,
    toRow: number,
    toImage: number,
    rows: number,
    length: number,
    images: number,
  ): void;
  decode_pngs(batch: Address, files: Address, count: number): void;
  dense(layer: Address, images: number): void;
  dense8(layer: Address, images: number): void;
  prepare_workspace(workspace: Address): void;
  to_panels(from: Address, to: Address, depth: number, columns: number): void;
  transform_kernel3(
    kernel: Address,
    planes: Address,
    inputs: number,
    filters: number,
    height: number,
    width: number,
    lines: Address,
  ): void;
  /** Size of the workspace of `decode_pngs`. */
  workspace_bytes(): number;
}

let instance: InferenceKernels | undefined;

/** A module with one function: `f32x4.relaxed_madd` of three vectors. */
const PROBE = Uint8Array.fromHex(
  "0061736d01000000" + "010801" + "60037b7b7b017b" + "03020100" + "0a0d010b00" + "200020012002" + "fd8502" +
    "0b",
);

/** Whether this machine has fused multiply-add for vectors. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(PROBE);
}

/**
 * Instantiates the kernels.
 *
 * @param memory That they work in.
 * @param isRelaxed Whether they use relaxed SIMD.
 */
export async function instantiateInference(
  memory: WebAssembly.Memory,
  isRelaxed: boolean,
): Promise<InferenceKernels> {
  const binary = Uint8Array.fromBase64(isRelaxed ? RELAXED : PLAIN);
  const { instance: { exports } } = await WebAssembly.instantiate(binary, { env: { memory } });
  return exports as unknown as InferenceKernels;
}

/** Attaches the kernels of this thread; their memory is attached with `attachHeap`. */
export function attachInference(kernels: InferenceKernels): void {
  instance = kernels;
}

/**
 * The kernels of inference of this thread.
 *
 * @throws {Error} If none are attached.
 */
export function inference(): InferenceKernels {
  if (instance !== undefined) return instance;
  throw new Error("Cannot use the kernels: the backend was not started; call startBackend first");
}
