import { startWorker } from "../../../actors/workers/worker_handle.ts";
import { loadModels } from "../../../models/registry.ts";
import { loadWasmBinary } from "../../../models/wasm_binary.ts";
import { assertEquals } from "../../../testing/assert.ts";
import { imagesOf } from "../../../testing/images.ts";

Deno.test("Worker: batches end in the order in which they were given, even if the first has to load a decoder", async () => {
  const [files] = await loadModels({ names: ["mnist"] });
  const worker = await startWorker(files!, {
    wasm: await loadWasmBinary(),
    limits: { maxDecodeMs: 60_000 },
    deadlineMs: 60_000,
    maxMemoryBytes: 2 ** 30,
    isolated: true,
  });
  const images = imagesOf("mnist");
  const avif = [await Deno.readFile(new URL("../../fixtures/flat.avif", import.meta.url))];
  const ended: string[] = [];
  const batches = Object.entries({ avif, png: images.map(({ png }) => png), none: [] });
  await Promise.all(batches.map(async ([name, batch]) => {
    const { outcomes } = await worker.run(batch);
    assertEquals(outcomes.map((outcome) => outcome.ok), batch.map(() => true));
    ended.push(name);
  }));
  assertEquals(ended, ["avif", "png", "none"]);
  worker.terminate();
});
