import { ServiceError } from "../../../actors/errors.ts";
import { startWorkerOf, type WorkerOptions } from "../../../actors/workers/worker_handle.ts";
import type { ModelFiles } from "../../../models/classifier.ts";
import { loadWasmBinary } from "../../../models/wasm_binary.ts";
import { assert, assertEquals, assertRejects } from "../../../testing/assert.ts";

const PROGRAM = new URL("../../fixtures/escaping_worker.ts", import.meta.url);
const FILES = { manifest: { name: "escaping" } } as unknown as ModelFiles;

/** Runs the escaping program as a model's Worker, and returns the result of each of its attempts. */
async function attempts(isolated: boolean): Promise<Record<string, string>> {
  const wasm = await loadWasmBinary();
  const options: WorkerOptions = { wasm, limits: {}, deadlineMs: 30_000, maxMemoryBytes: 2 ** 30, isolated };
  const worker = await startWorkerOf(PROGRAM)(FILES, options);
  const error = await assertRejects(() => worker.run([new Uint8Array(1)]), ServiceError, "threw on a batch");
  worker.terminate();
  return JSON.parse(error.message.slice(error.message.indexOf("{")));
}

Deno.test("isolation: code in a model's Worker can reach nothing", async () => {
  const results = await attempts(true);
  assertEquals(Object.entries(results).filter(([, result]) => !result.startsWith("refused")), []);
  assert(Object.keys(results).length >= 20);
});

Deno.test("isolation: the same code reaches the file system without isolation (negative control)", async () => {
  const results = await attempts(false);
  assertEquals(results["read a file"], "succeeded");
  assertEquals(results["list a directory"], "succeeded");
});
