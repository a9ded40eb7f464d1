import { ModelError } from "./errors.ts";

/**
 * Loads the kernels of TensorFlow.js's WASM backend. Loaded once, the module can be posted to any number of Workers, which
 * then share the compiled code. No permission is needed.
 *
 * @returns The compiled binary, for `createClassifier`.
 * @throws {ModelError} `backend` if this machine can't run it (WebAssembly SIMD is needed).
 */
export async function loadWasmBinary(): Promise<WebAssembly.Module> {
  try {
    return (await import("./tfjs_wasm.js")).default;
  } catch (cause) {
    throw new ModelError("backend", `The WASM kernels of TensorFlow.js can't be loaded: ${cause}`, { cause });
  }
}
