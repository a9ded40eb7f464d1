import { startWorker } from "../../actors/workers/worker_handle.ts";
import { loadDecoders } from "../../models/image/decode.ts";
import { loadModels } from "../../models/registry.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { summary } from "../fixtures/image_summary.ts";
import { decodeIsolated } from "../fixtures/isolated_decoder.ts";
import { runRemote } from "../fixtures/remote_program.ts";

const FIXTURES = new URL("../fixtures/images/", import.meta.url);
const IMAGES = [...Deno.readDirSync(FIXTURES)].filter(({ name }) => !/\.(json|py)$/.test(name))
  .map(({ name }) => Deno.readFileSync(new URL(name, FIXTURES)));

/** One image of each format that is loaded when it comes. */
const ONE_OF_EACH = [
  "grey.jpg",
  "lossy.webp",
  "rows.gif",
  "rgb.bmp",
  "rgb.tiff",
  "alpha.avif",
  "rgb.heic",
  "rgb.ppm",
]
  .concat(["several.ico"]).map((name) => Deno.readFileSync(new URL(name, FIXTURES)));

Deno.test("image isolation: every decoder is loaded and runs in a Worker that has no rights at all", async () => {
  const { summaries, states } = await decodeIsolated(IMAGES);
  await loadDecoders(IMAGES);
  assertEquals(summaries, IMAGES.map(summary));
  assert(!states.includes("granted"), states.join());
});

Deno.test("image isolation: the same for a program that imports the project from a URL", async () => {
  const images = JSON.stringify(ONE_OF_EACH.map((bytes) => bytes.toBase64()));
  const printed = await runRemote((host) => `
    import { decodeIsolated } from "http://${host}/tests/fixtures/isolated_decoder.ts";
    const images = ${images}.map((text) => Uint8Array.fromBase64(text));
    console.log(JSON.stringify(await decodeIsolated(images)));`);
  await loadDecoders(ONE_OF_EACH);
  assertEquals(JSON.parse(printed).summaries, ONE_OF_EACH.map(summary));
});

Deno.test("image isolation: the Worker of a model classifies images of several formats in one batch", async () => {
  const [files] = await loadModels({ names: ["mnist"] });
  const worker = await startWorker(files!, {
    wasm: await loadWasmBinary(),
    limits: {},
    deadlineMs: 60_000,
    maxMemoryBytes: 2 ** 31,
    isolated: true,
  });
  try {
    const names = ["rgb-case-mnist-7-7.jpg", "rows.gif", "case-leading-newline.jpg", "alpha.avif"];
    const images = names.map((name) => Deno.readFileSync(new URL(name, FIXTURES)));
    const { outcomes } = await worker.run(images);
    assertEquals(outcomes.map(({ ok }) => ok), [true, true, false, true]);
    assertEquals(outcomes[0]?.ok && outcomes[0].top[0].label, "7");
  } finally {
    worker.terminate();
  }
});
