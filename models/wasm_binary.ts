import { ModelError } from "./errors.ts";

/**
 * Loads the kernels of TensorFlow.js's WASM backend. The module can be posted to any number of Workers, which
 * then share the compiled code. No permission is needed.
 *
 * @returns The compiled module, for `createClassifier`.
 * @throws {ModelError} `backend` if this machine cannot run it (it needs WebAssembly SIMD).
 */
export async function loadWasmBinary(): Promise<WebAssembly.Module> {
  try {
    return (await import("./tfjs_wasm.js")).default;
  } catch (cause) {
    throw new ModelError("backend", `Cannot load the WASM kernels of TensorFlow.js: ${cause}`, { cause });
  }
}
