import { createClassifier, type ModelFiles } from "../../models/classifier.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import type { View } from "../../models/image/views.ts";
import { loadModels } from "../../models/registry.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals } from "../../testing/assert.ts";

const SIDE = 28;
const [mnist] = await loadModels({ names: ["mnist"] });
const { form: _, ...input } = mnist!.manifest.input;

function withViews(views?: readonly View[]): ModelFiles {
  return { ...mnist!, manifest: { ...mnist!.manifest, input: { ...input, ...(views && { views }) } } };
}

/** An image without symmetry; `from` is the source of the pixel at a place, undefined for black. */
function image(
  from: (x: number, y: number) => readonly [x: number, y: number] | undefined,
  seed: number,
): Uint8Array {
  const data = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = from(i % SIDE, Math.floor(i / SIDE)) ?? [];
    data[i] = x === undefined || y === undefined ? 0 : (x * x + 3 * y * seed + x * y) % 256;
  }
  return encodePng({ width: SIDE, height: SIDE, channels: 1, data });
}

async function logitsOf(
  views: readonly View[] | undefined,
  images: readonly Uint8Array[],
): Promise<Float32Array[]> {
  using classifier = await createClassifier(withViews(views), await loadWasmBinary());
  return classifier.logits(images).map((outcome) => {
    assert(outcome.ok);
    return outcome.logits;
  });
}

const SEEDS = Array.from({ length: 33 }, (_, i) => i + 1);

Deno.test("views: the logits are the mean of those of the images as they are, mirrored, reflected and moved", async () => {
  const plain = SEEDS.map((seed) => image((x, y) => [x, y], seed));
  const mirrored = SEEDS.map((seed) => image((x, y) => [SIDE - 1 - x, y], seed));
  const reflected = SEEDS.map((seed) => image((x, y) => [Math.abs(x - 2), Math.min(y + 1, 53 - y)], seed));
  const moved = SEEDS.map((seed) => image((x, y) => y < 1 ? undefined : [SIDE - 1 - x, y - 1], seed));
  const views: View[] = [
    {},
    { mirrored: true },
    { shift: [2, -1], edge: "reflect" },
    { mirrored: true, shift: [0, 1] },
  ];
  const averages = await logitsOf(views, plain);
  const seen: Float32Array[][] = [];
  for (const images of [plain, mirrored, reflected, moved]) seen.push(await logitsOf([{}], images));
  averages.forEach((row, i) =>
    row.forEach((average, k) => {
      const wanted = seen.reduce((sum, logits) => sum + logits[i]![k]!, 0) / views.length;
      assert(Math.abs(average - wanted) < 1e-3, `image ${i}, label ${k}: ${average}, ${wanted}`);
    })
  );
});

Deno.test("views: a single view of the image as it is changes nothing", async () => {
  const images = [image((x, y) => [x, y], 5)];
  assertEquals(await logitsOf([{}], images), await logitsOf(undefined, images));
});
