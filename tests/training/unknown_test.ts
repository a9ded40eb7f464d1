import { createClassifier } from "../../models/classifier.ts";
import { loadModels } from "../../models/registry.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { blankImages, noiseImages } from "../../training/unknown/meaningless_images.ts";
import { thresholdAt } from "../../training/unknown/threshold.ts";
import { scoreOf, trainScorer } from "../../training/unknown/train_scorer.ts";
import { Random } from "../../training/random.ts";
import { photographGroups } from "../../training/unknown/image_groups.ts";
import { directoryUrl } from "../../models/read_url.ts";

Deno.test("unknown threshold: as many scores are lower as the share allows, rounded down", () => {
  const scores = Array.from({ length: 150 }, (_, i) => (i * 77) % 150);
  for (const [share, lower] of [[0, 0], [0.01, 1], [0.02, 3], [0.5, 75]] as const) {
    assertEquals(scores.filter((score) => score < thresholdAt(scores, share)).length, lower);
  }
  assertEquals(thresholdAt([3], 0.4), 3);
});

/** Known points lie on a ring, others inside and outside of it. */
function points(radii: readonly [number, number], count: number, random: Random): Float32Array[] {
  return Array.from({ length: count }, () => {
    const [radius, angle] = [random.between(...radii), random.between(0, 2 * Math.PI)];
    return Float32Array.of(50 + 10 * radius * Math.cos(angle), radius * Math.sin(angle));
  });
}

Deno.test("unknown scorer: separates what no plane separates, whatever the scale of the features", () => {
  const random = new Random(1, 1);
  const examples = [
    { rows: points([1.5, 2], 300, random), known: true, weight: 2 },
    { rows: points([0, 0.8], 300, random), known: false, weight: 1 },
    { rows: points([3, 4], 300, random), known: false, weight: 1 },
  ];
  const { numbers } = trainScorer(examples, 1);
  const isKnown = (row: Float32Array) => scoreOf(numbers, row) > 0;
  assert(points([1.6, 1.9], 200, random).filter(isKnown).length > 190);
  assert(points([0, 0.7], 200, random).filter(isKnown).length < 10);
  assert(points([3.2, 3.9], 200, random).filter(isKnown).length < 10);
  assertEquals(trainScorer(examples, 1).numbers, numbers);
});

for (const name of ["mnist", "fashion-mnist", "cifar-10"]) {
  Deno.test(`unknown: ${name} takes noise and blank images for none of its classes, but not its samples`, async () => {
    const [files] = await loadModels({ names: [name] });
    using classifier = await createClassifier(files!, await loadWasmBinary());
    const unknown = (images: readonly Uint8Array[]) =>
      classifier.classify(images).filter((outcome) => outcome.ok && outcome.unknown).length;
    assert(unknown([...noiseImages(16, 3), ...blankImages(12, 3)]) >= 0.9 * 28);
    const folder = new URL(`../../models/${name}/samples/`, import.meta.url);
    const samples = [...Deno.readDirSync(folder)].map(({ name }) => Deno.readFileSync(new URL(name, folder)));
    assert(unknown(samples) <= 1);
  });
}

Deno.test("unknown: photographs are of a class if evaluate takes them for that", async () => {
  const path = await Deno.makeTempDir();
  try {
    for (const name of ["1-boot.png", "sneaker_1.png", "hat_1.png"]) {
      await Deno.writeTextFile(`${path}/${name}`, "");
    }
    const photographs = { folder: directoryUrl(path), mapping: new Map() };
    const groups = await photographGroups(photographs, ["Sneaker", "Ankle boot"], 10);
    assertEquals(groups.map(({ title, known }) => [title, known]), [
      ["photographs: 1, sneaker", true],
      ["photographs: hat", false],
    ]);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
