import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { setWasmPaths } from "npm:@tensorflow/tfjs-backend-wasm@4.22.0";
import { ModelError } from "./errors.ts";
import { attachKernels } from "./kernels/kernels.ts";

const BINARIES = [
  "tfjs-backend-wasm.wasm",
  "tfjs-backend-wasm-simd.wasm",
  "tfjs-backend-wasm-threaded-simd.wasm",
] as const;

/** Replaces the URL of the binary that the backend would fetch: no bytes, and no permission needed. */
const NO_BYTES = "data:application/wasm,";

let started: Promise<void> | undefined;

/**
 * Starts TensorFlow.js on WASM for this thread. Later calls wait for the first.
 *
 * @param binary From `loadWasmBinary`.
 * @throws {ModelError} `backend`
 */
export function startBackend(binary: WebAssembly.Module): Promise<void> {
  return started ??= start(binary);
}

async function start(binary: WebAssembly.Module): Promise<void> {
  setWasmPaths(Object.fromEntries(BINARIES.map((name) => [name, NO_BYTES])), true);
  const substitution = substitute(binary);
  try {
    if (!await tf.setBackend("wasm")) throw new Error("the backend refused to start");
    await attachKernels(substitution.memory());
  } catch (cause) {
    throw new ModelError("backend", `Cannot start the WASM backend of TensorFlow.js: ${cause}`, { cause });
  } finally {
    substitution.end();
  }
}

/**
 * The backend accepts only a URL and compiles what it fetches; it cannot be given a compiled module. So while
 * it starts, `WebAssembly.instantiate` is replaced by a function that takes empty bytes for this module.
 */
function substitute(binary: WebAssembly.Module): { memory(): WebAssembly.Memory; end(): void } {
  const original = WebAssembly.instantiate;
  let exports: WebAssembly.Exports = {};
  const substituted = async (source: BufferSource | WebAssembly.Module, imports: WebAssembly.Imports) => {
    if (source instanceof WebAssembly.Module) return await original(source, imports);
    if (source.byteLength > 0) return await original(source, imports);
    const instance = await original(binary, imports);
    exports = instance.exports;
    return { module: binary, instance };
  };
  WebAssembly.instantiate = substituted as typeof WebAssembly.instantiate;
  return {
    memory: () => findMemory(exports),
    end: () => {
      WebAssembly.instantiate = original;
    },
  };
}

/** Finds it by type: the names of the exports are minified. */
function findMemory(exports: WebAssembly.Exports): WebAssembly.Memory {
  const memory = Object.values(exports).find((value) => value instanceof WebAssembly.Memory);
  if (memory === undefined) throw new Error("the backend exports no memory");
  return memory;
}
