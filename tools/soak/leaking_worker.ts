/**
 * The shipped Worker of a model, which leaks memory: `?bytes=` in its URL is the number of bytes per image.
 * It has no permissions either. The leak is outside of WebAssembly, where TensorFlow.js does not see it.
 *
 * @module
 */
import "../../actors/workers/model_worker.ts";
import type { ToWorker } from "../../actors/workers/protocol.ts";

const scope = globalThis as unknown as { onmessage: (event: MessageEvent<ToWorker>) => void };
const shipped = scope.onmessage;
const bytes = Number(new URL(import.meta.url).searchParams.get("bytes"));
const kept: Uint8Array[] = [];

scope.onmessage = (event) => {
  if (event.data.type === "run") kept.push(new Uint8Array(event.data.lengths.length * bytes).fill(1));
  shipped(event);
};
