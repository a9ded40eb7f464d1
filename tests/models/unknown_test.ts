import { createClassifier, type ModelFiles, type Outcome } from "../../models/classifier.ts";
import { ModelError } from "../../models/errors.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { loadModels, sha256Hex } from "../../models/registry.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals, assertRejects } from "../../testing/assert.ts";
import { tinyModel, writeTinyModel } from "../../testing/tiny_model.ts";

const BLACK = square(0, 0, 0, 0);
const FIRST = square(255, 0, 0, 0);
const OTHERS = square(0, 255, 255, 255);
const WHITE = square(255, 255, 255, 255);

/** The score is the first pixel, 0 to 1. */
const SCORER = Float32Array.of(1, 0, 0, 0, 0);

function square(...greys: number[]): Uint8Array {
  return encodePng({ width: 2, height: 2, channels: 1, data: Uint8Array.from(greys) });
}

async function classify(model: ModelFiles): Promise<Outcome[]> {
  using classifier = await createClassifier(model, await loadWasmBinary());
  return classifier.classify([BLACK, FIRST, OTHERS, WHITE]);
}

function unknownOf(outcomes: readonly Outcome[]) {
  return outcomes.map((outcome) => outcome.ok ? outcome.unknown : outcome.code);
}

async function scorer(changes: Record<string, unknown> = {}, weights: Record<string, unknown> = {}) {
  const bytes = new Uint8Array(SCORER.buffer);
  const file = {
    file: "scorer.bin",
    dtype: "float32",
    bytes: 20,
    sha256: await sha256Hex(bytes),
    ...weights,
  };
  const layers = [{ type: "dense", units: 1 }];
  return { bytes, unknown: { score: "features", threshold: 0.5, layers, weights: file, ...changes } };
}

Deno.test("unknown: the result of a model without a threshold has no such field", async () => {
  const outcomes = await classify(await tinyModel());
  assertEquals(outcomes.map((outcome) => "unknown" in outcome), [false, false, false, false]);
});

Deno.test("unknown: images whose energy score is below the threshold, and they keep their classes", async () => {
  // Logits of dark and light: 2 and the number of white pixels; the scores are 2.13, 2.31, 3.31 and 4.13.
  const model = await tinyModel({ unknown: { score: "energy", threshold: 2.5 } });
  const outcomes = await classify(model);
  assertEquals(unknownOf(outcomes), [true, true, false, false]);
  const plain = await classify(await tinyModel());
  assertEquals(
    outcomes.map((outcome) => outcome.ok && outcome.top),
    plain.map((each) => each.ok && each.top),
  );
});

Deno.test("unknown: images that the model's own scorer gives a score below the threshold", async () => {
  const { bytes, unknown } = await scorer();
  const model = { ...await tinyModel({ unknown }), scorerWeights: bytes };
  assertEquals(unknownOf(await classify(model)), [true, false, true, false]);
});

Deno.test("unknown: the features of all views of an image are averaged before they are scored", async () => {
  const { bytes, unknown } = await scorer();
  const input = { width: 2, height: 2, channels: 1, mean: [0], std: [1], views: [{}, { shift: [1, 0] }] };
  const model = { ...await tinyModel({ unknown, input }), scorerWeights: bytes };
  using classifier = await createClassifier(model, await loadWasmBinary());
  const [first] = classifier.logits([FIRST]);
  assertEquals(first?.ok && first.features, Float32Array.of(0.5, 0.5, 0, 0));
  assertEquals(first?.ok && first.unknown, false);
});

Deno.test("unknown: scorer weights that differ from the manifest are refused", async () => {
  await using directory = await temporaryDirectory("unknown-test");
  await writeTinyModel(directory.path);
  const manifest = `${directory.path}/tiny/manifest.json`;
  const { bytes, unknown } = await scorer();
  const json = { ...JSON.parse(await Deno.readTextFile(manifest)), unknown };
  await Deno.writeTextFile(manifest, JSON.stringify(json));
  await Deno.writeFile(`${directory.path}/tiny/scorer.bin`, bytes);
  const search = { dirs: [directory.path], shipped: false };
  assertEquals((await loadModels(search))[0]?.scorerWeights, bytes);
  await Deno.writeFile(`${directory.path}/tiny/scorer.bin`, new Uint8Array(20));
  await assertRejects(() => loadModels(search), ModelError, "scorer.bin has the SHA-256");
  await assertRejects(() => createScored(unknown), ModelError, "tiny: scorer.bin has 0 bytes");
});

async function createScored(unknown: unknown): Promise<void> {
  using _ = await createClassifier(await tinyModel({ unknown }), await loadWasmBinary());
}

for (
  const [what, changes, weights, message] of [
    ["an unknown score", { score: "distance" }, {}, 'score must be "energy" or "features"'],
    ["no threshold", { threshold: undefined }, {}, "unknown.threshold must be a number; it is missing"],
    [
      "two outputs",
      { layers: [{ type: "dense", units: 2 }] },
      {},
      "has 2 outputs; it must have one",
    ],
    ["another layer", { layers: [{ type: "flatten" }] }, {}, "each layer must be dense"],
    ["another size", {}, { bytes: 24 }, "weights.bytes must be 20; it is 24"],
    ["another field", { limit: 1 }, {}, "limit"],
  ] as const
) {
  Deno.test(`unknown: a manifest with ${what} is refused`, async () => {
    const { unknown } = await scorer(changes, weights);
    await assertRejects(
      () => tinyModel({ unknown: JSON.parse(JSON.stringify(unknown)) }),
      ModelError,
      message,
    );
  });
}

Deno.test("unknown: features are refused where the last layer is not dense", async () => {
  const { unknown } = await scorer();
  const layers = [{ type: "conv2d", filters: 2, kernel: 2 }, { type: "flatten" }];
  await assertRejects(
    () => tinyModel({ unknown, layers }),
    ModelError,
    'must be "energy" unless the last layer is dense',
  );
});
