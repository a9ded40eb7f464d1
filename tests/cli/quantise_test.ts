import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { createClassifier } from "../../models/classifier.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { type Layer, type Manifest, parseManifest } from "../../models/manifest.ts";
import { writeModelFolder } from "../../models/model_folder.ts";
import { loadVersion, servingOf, sha256Hex } from "../../models/registry.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { writeTinyModel } from "../../testing/tiny_model.ts";
import { imagebus, objectsIn } from "../fixtures/imagebus.ts";
import { noise } from "../fixtures/noise.ts";

const SIDE = 4;
const LAYERS: readonly Layer[] = [
  { type: "conv2d", filters: 4, kernel: 1, activation: "relu" },
  { type: "flatten" },
  { type: "dense", units: 8, activation: "relu" },
  { type: "dense", units: 2 },
];

/** Kernel and bias of each layer: each unit is the mean of the pixels. */
const WEIGHTS = [
  ...[...Array(4).fill(1), ...Array(4).fill(0)],
  ...[...Array(4 * SIDE * SIDE * 8).fill(1 / 64), ...Array(8).fill(0)],
  ...[...Array(8).fill([0, 1 / 8]).flat(), 0.5, 0],
];

/** Whether an image of 4 × 4 grey pixels is dark or light. */
async function writeShades(directory: string): Promise<void> {
  const input = { width: SIDE, height: SIDE, channels: 1, mean: [0], std: [1] };
  const weights = new Uint8Array(Float32Array.from(WEIGHTS).buffer);
  const sha256 = await sha256Hex(weights);
  const manifest: Manifest = parseManifest({
    ...{
      format: 1,
      name: "shades",
      version: "1.0.0",
      description: "Dark or light",
      labels: ["dark", "light"],
    },
    ...{ input, layers: LAYERS },
    weights: { file: "weights.bin", dtype: "float32", bytes: weights.byteLength, sha256 },
  }, "shades");
  await writeModelFolder(directory, {
    manifest,
    weights,
    card: "# shades 1.0.0\n\nAbout.\n\n## Limits\n\nMany.\n",
  });
}

function image(grey: number, seed: number): Uint8Array {
  const data = Uint8Array.from(noise(SIDE * SIDE, seed, [grey - 30, grey + 30]));
  return encodePng({ width: SIDE, height: SIDE, channels: 1, data });
}

async function writeImages(directory: string): Promise<void> {
  for (const [label, grey] of [["dark", 50], ["light", 205]] as const) {
    await Deno.mkdir(`${directory}/${label}`, { recursive: true });
    for (let i = 0; i < 10; i++) await Deno.writeFile(`${directory}/${label}/${i}.png`, image(grey, i));
  }
}

Deno.test("model quantise: a version in int8 is written beside the one in float32, which stays served", async () => {
  await using directory = await temporaryDirectory("quantise");
  const { path } = directory;
  const models = `${path}/models`;
  await writeShades(models);
  await writeImages(`${path}/images`);
  const options = ["--calibrate", `${path}/images`, "--models-dirs", models, "--json"];

  const { code, out, err } = await imagebus(["model", "quantise", "shades", ...options]);
  assertEquals(code, 0, err);
  const [printed] = objectsIn(out);
  assertEquals([printed!.version, printed!.layers], ["1.1.0", 1]);
  const { msPerImage, ...measured } = printed!.measured as { msPerImage: { float32: number; int8: number } };
  const others: unknown = measured;
  assertEquals(others, { data: "images test", images: 4, float32: 1, int8: 1, sameLabels: 4 });
  assert(msPerImage.float32 > 0 && msPerImage.int8 > 0);
  assertStringIncludes(err, `imagebus models promote shades@1.1.0 --models-dirs ${models}`);

  const search = { dirs: [models], shipped: false };
  assertEquals((await servingOf("shades", search))?.serve, "1.0.0");
  const [float32, int8] = [
    await loadVersion("shades", "1.0.0", search),
    await loadVersion("shades", "1.1.0", search),
  ];
  assertEquals(int8.weights, float32.weights);
  const { precision, calibration, evaluation } = int8.manifest;
  assertEquals([precision, calibration!.data, calibration!.images], ["int8", "images train", 16]);
  assertEquals(calibration!.ranges.map((range) => range > 0), [true, false, false, false]);
  assertEquals(evaluation, { data: "images test", images: 4, accuracy: 1 });
  const card = await Deno.readTextFile(`${models}/shades/1.1.0/card.md`);
  assertMatch(
    card,
    /^# shades 1\.1\.0\n\nAbout\.\n\n## Precision\n[^]*\| correct \| 4 \(100\.00 %\) \| 4 [^]*\n## Limits\n/,
  );

  const wasm = await loadWasmBinary();
  using one = await createClassifier(float32, wasm);
  using other = await createClassifier(int8, wasm);
  const logitsOf = (outcomes: ReturnType<typeof one.logits>) =>
    outcomes.flatMap((o) => o.ok ? Array.from(o.logits) : []);
  const images = [image(50, 20), image(205, 21)];
  const [expected, actual] = [logitsOf(one.logits(images)), logitsOf(other.logits(images))];
  for (const [i, logit] of actual.entries()) {
    assert(Math.abs(logit - expected[i]!) < 0.02 * Math.abs(expected[i]!));
  }
  assert(actual.some((logit, i) => logit !== expected[i]), "int8 has the very numbers of float32");

  const again = await imagebus(["model", "quantise", "shades@1.1.0", ...options]);
  assertEquals(again.code, 2);
  assertStringIncludes(again.err, "it is in int8 already; expected a version in float32");
});

Deno.test("model quantise: images without labels are enough; then the accuracy is not measured", async () => {
  await using directory = await temporaryDirectory("quantise");
  const { path } = directory;
  await writeShades(`${path}/models`);
  await Deno.mkdir(`${path}/images`);
  for (let i = 0; i < 9; i++) await Deno.writeFile(`${path}/images/${i}.png`, image(30 * i, i));
  const models = ["--models-dirs", `${path}/models`];
  const { code, out, err } = await imagebus([
    ...["model", "quantise", "shades", "--calibrate", `${path}/images`, "--images", "5", ...models],
  ]);
  assertEquals(code, 0, err);
  assertMatch(out, /^shades 1\.1\.0, 1 layer in bytes\s+.*shades\/1\.1\.0\/\n$/);
  const { manifest } = await loadVersion("shades", "1.1.0", { dirs: [`${path}/models`], shipped: false });
  assertEquals([manifest.calibration!.images, manifest.evaluation], [5, undefined]);
  const versions = await imagebus(["models", "versions", "shades", "--json", ...models]);
  assertEquals(objectsIn(versions.out).map(({ version, precision }) => [version, precision]), [
    ["1.1.0", "int8"],
    ["1.0.0", "float32"],
  ]);
});

const MISTAKES: readonly (readonly [args: readonly string[], message: string])[] = [
  [["tiny"], "its data set is unknown; expected --calibrate"],
  [["tiny@7.0.0"], "Cannot quantise tiny@7.0.0: there is no such version; there is 1.0.0"],
  [["tiny", "--calibrate", "IMAGES"], "Cannot quantise tiny: none of its layers can give bytes; expected"],
];

for (const [args, message] of MISTAKES) {
  Deno.test(`model quantise: ${args.join(" ")} exits with 2 and names the mistake`, async () => {
    await using directory = await temporaryDirectory("quantise");
    const { path } = directory;
    await writeTinyModel(path);
    await writeImages(`${path}/images`);
    const { code, err } = await imagebus([
      ...["model", "quantise", ...args.map((arg) => arg === "IMAGES" ? `${path}/images` : arg)],
      ...["--models-dirs", path],
    ]);
    assertEquals(code, 2, err);
    assertStringIncludes(err, message);
  });
}
