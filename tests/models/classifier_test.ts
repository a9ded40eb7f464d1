import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { createClassifier, TOP_K } from "../../models/classifier.ts";
import type { Classifier, Outcome } from "../../models/classifier.ts";
import { ImageError, ModelError } from "../../models/errors.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { loadModels, SHIPPED_MODELS } from "../../models/registry.ts";
import { topScores } from "../../models/logits.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../testing/assert.ts";
import { tinyModel } from "../../testing/tiny_model.ts";

/** The samples of a shipped model with the class in their names. */
function samples(model: string): { image: Uint8Array; index: number }[] {
  const folder = new URL(`../../models/${model}/samples/`, import.meta.url);
  return [...Deno.readDirSync(folder)].map(({ name }) => ({
    image: Deno.readFileSync(new URL(name, folder)),
    index: Number.parseInt(name),
  }));
}

async function shipped(name: string): Promise<Classifier> {
  const [files] = await loadModels({ names: [name] });
  return await createClassifier(files!, await loadWasmBinary());
}

function square(...greys: number[]): Uint8Array {
  return encodePng({ width: 2, height: 2, channels: 1, data: Uint8Array.from(greys) });
}

function labelOf(outcome: Outcome | undefined): string | undefined {
  return outcome?.ok ? outcome.top[0].label : undefined;
}

for (const model of SHIPPED_MODELS) {
  Deno.test(`classifier: ${model} classifies at least nine of its ten samples correctly`, async () => {
    using classifier = await shipped(model);
    const all = samples(model);
    const outcomes = classifier.classify(all.map(({ image }) => image));
    const correct = outcomes.filter((outcome, i) => outcome.ok && outcome.top[0].index === all[i]!.index);
    assert(correct.length >= 9, `${correct.length} of ${all.length}`);
  });
}

Deno.test("classifier: confidences agree with a calculation by hand", async () => {
  using classifier = await createClassifier(await tinyModel(), await loadWasmBinary());
  const [outcome] = classifier.classify([square(255, 255, 255, 0)]);
  assert(outcome?.ok);
  assertEquals(outcome.top.map(({ label, index }) => [label, index]), [["light", 1], ["dark", 0]]);
  // Logits are 3 for light and 2 for dark.
  assert(Math.abs(outcome.top[0].confidence - 1 / (1 + Math.exp(-1))) < 1e-6);
});

Deno.test("classifier: the temperature changes the confidence, not the label", async () => {
  using classifier = await createClassifier(await tinyModel({ temperature: 2 }), await loadWasmBinary());
  const [outcome] = classifier.classify([square(255, 255, 255, 0)]);
  assert(outcome?.ok);
  assertEquals(outcome.top[0].label, "light");
  assert(Math.abs(outcome.top[0].confidence - 1 / (1 + Math.exp(-0.5))) < 1e-6);
});

Deno.test("classifier: an image gets the same scores in any batch", async () => {
  using classifier = await shipped("fashion-mnist");
  const images = Array.from({ length: 14 }, () => samples("fashion-mnist").map(({ image }) => image)).flat();
  const alone = images.map((image) => classifier.classify([image])[0]);
  for (const size of [2, 3, 7, 16, 33, 64, 65, 140]) {
    const batched = Array.from(
      { length: Math.ceil(images.length / size) },
      (_, i) => classifier.classify(images.slice(i * size, (i + 1) * size)),
    );
    assertEquals(batched.flat(), alone as Outcome[]);
  }
});

Deno.test("classifier: a bad image does not affect the others of its batch", async () => {
  using classifier = await createClassifier(await tinyModel(), await loadWasmBinary());
  const light = square(255, 255, 255, 255);
  const dark = square(0, 0, 0, 0);
  const text = new TextEncoder().encode("not an image");
  const outcomes = classifier.classify([light, text, dark, new Uint8Array(), light.slice(0, 40), light]);
  const shown = outcomes.map((outcome) => outcome.ok ? outcome.top[0].label : outcome.code);
  assertEquals(shown, ["light", "not_an_image", "dark", "empty", "damaged", "light"]);
});

Deno.test("classifier: no images, or only bad ones, are accepted", async () => {
  using classifier = await createClassifier(await tinyModel(), await loadWasmBinary());
  assertEquals(classifier.classify([]), []);
  assertEquals(classifier.classify([new Uint8Array(), new Uint8Array()]).map(({ ok }) => ok), [false, false]);
});

Deno.test("classifier: the given limit on pixels applies", async () => {
  using classifier = await createClassifier(await tinyModel(), await loadWasmBinary(), { maxPixels: 3 });
  const [outcome] = classifier.classify([square(1, 2, 3, 4)]);
  assert(outcome !== undefined && !outcome.ok);
  assertEquals(outcome.code, "too_many_pixels");
  assertStringIncludes(outcome.message, "2 × 2 = 4 pixels; the limit is 3");
});

Deno.test("classifier: tensors do not accumulate over many batches, and none is left after disposal", async () => {
  await (await shipped("mnist"))[Symbol.dispose]();
  const before = tf.memory().numTensors;
  {
    using classifier = await shipped("mnist");
    const images = samples("mnist").map(({ image }) => image);
    const loaded = tf.memory().numTensors;
    for (let i = 0; i < 200; i++) {
      classifier.classify(images.slice(0, 1 + i % 10));
      assertEquals(tf.memory().numTensors, loaded);
    }
  }
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("classifier: weights can be float16", async () => {
  const { manifest, weights } = await tinyModel();
  const halves = new DataView(new ArrayBuffer(20));
  new Float32Array(weights.slice().buffer).forEach((value, i) => halves.setFloat16(2 * i, value, true));
  const files = {
    manifest: { ...manifest, weights: { ...manifest.weights, dtype: "float16" as const, bytes: 20 } },
    weights: new Uint8Array(halves.buffer),
  };
  using classifier = await createClassifier(files, await loadWasmBinary());
  assertEquals(labelOf(classifier.classify([square(0, 0, 0, 255)])[0]), "dark");
});

Deno.test("classifier: weights that are too short are refused, without leaving tensors behind", async () => {
  const { manifest } = await tinyModel();
  const wasm = await loadWasmBinary();
  const before = tf.memory().numTensors;
  const error = await assertRejects(
    () => createClassifier({ manifest, weights: new Uint8Array(36) }, wasm),
    ModelError,
  );
  assertEquals(error.code, "damaged");
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("classifier: a model that computes no finite logits is refused, without leaving tensors behind", async () => {
  const wasm = await loadWasmBinary();
  const tiny = await tinyModel();
  const weights = (value: number) => new Uint8Array(new Float32Array(10).fill(value).buffer);
  const narrow = await tinyModel({ input: { ...tiny.manifest.input, std: [1e-40] } });
  const before = tf.memory().numTensors;
  for (const files of [{ ...tiny, weights: weights(NaN) }, { ...tiny, weights: weights(3e38) }, narrow]) {
    const error = await assertRejects(() => createClassifier(files, wasm), ModelError, "not finite");
    assertEquals(error.code, "damaged");
  }
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("logits: the top scores are in descending order, the lower index first among equals", () => {
  const labels = ["a", "b", "c", "d", "e", "f", "g"];
  const scores = topScores(Float32Array.of(1, 3, 3, 2, 0, -1, 900), labels, 1, TOP_K);
  assertEquals(scores.map(({ label }) => label), ["g", "b", "c", "d", "a"]);
  assertEquals(scores[0]?.confidence, 1);
  const all = topScores(Float32Array.of(1, 2, 3), ["a", "b", "c"], 1, 5);
  assert(Math.abs(all.reduce((sum, { confidence }) => sum + confidence, 0) - 1) < 1e-12);
});

Deno.test("errors: each class has its own name", () => {
  assertEquals(new ModelError("backend", "x").name, ModelError.name);
  assertEquals(new ImageError("empty", "x").name, ImageError.name);
});
