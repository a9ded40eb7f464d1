import type { Classifier } from "../classifier.ts";
import { createClassifier } from "../classifier.ts";
import type { ShapedLayer } from "../layers.ts";
import { parseManifest } from "../manifest.ts";
import type { InputSpec, Manifest } from "../manifest.ts";
import { explain } from "../read_url.ts";
import { sha256Hex } from "../registry.ts";
import { loadWasmBinary } from "../wasm_binary.ts";
import { writeCard } from "./card.ts";
import type { DataSet } from "../datasets/data_set.ts";
import { encodedImages, evaluate } from "./evaluate.ts";
import type { Evaluation } from "./evaluate.ts";
import type { Recipe } from "./recipes.ts";

/** A model that is trained but not yet a folder. */
export interface TrainedModel {
  /** How it was made. */
  readonly recipe: Recipe;
  /** The recipe's layers with their shapes. */
  readonly layers: readonly ShapedLayer[];
  /** Form of the images. */
  readonly input: InputSpec;
  /** All trained numbers. */
  readonly parameters: Float32Array;
  /** Calibrates the confidences. */
  readonly temperature: number;
  /** Share of right answers on the validation images. */
  readonly validationAccuracy: number;
  /** Time of the training. */
  readonly seconds: number;
}

/** A folder as it was written. */
export interface WrittenModel {
  /** What its manifest says. */
  readonly manifest: Manifest;
  /** What was measured on the test images. */
  readonly evaluation: Evaluation;
}

const WEIGHTS_FILE = "weights.bin";

/**
 * Writes a model's folder: weights (float16), manifest, card, samples. It is measured as it will be served, with the
 * rounded weights and on encoded images.
 *
 * @param folder Where; made if it is not there.
 * @param model What to write.
 * @param test The images to measure it on.
 * @param signal Ends it while it measures.
 * @returns What was written.
 * @throws {ModelError} `denied`, `backend`; or the signal's reason.
 */
export async function writeModel(
  folder: URL,
  model: TrainedModel,
  test: DataSet,
  signal?: AbortSignal,
): Promise<WrittenModel> {
  const weights = toFloat16(model.parameters);
  const draft = await describe(model, weights);
  using classifier = await createClassifier({ manifest: draft, weights }, await loadWasmBinary());
  const evaluation = await evaluate(classifier, test, signal === undefined ? {} : { signal });
  const manifest = withEvaluation(draft, evaluation);
  const card = writeCard({ ...model, manifest, evaluation });
  try {
    await Deno.mkdir(new URL("samples/", folder), { recursive: true });
    await Deno.writeFile(new URL(WEIGHTS_FILE, folder), weights);
    await Deno.writeTextFile(new URL("manifest.json", folder), JSON.stringify(manifest, null, 2) + "\n");
    await Deno.writeTextFile(new URL("card.md", folder), card);
    await writeSamples(new URL("samples/", folder), test, classifier);
  } catch (cause) {
    throw explain(folder, cause);
  }
  return { manifest, evaluation };
}

async function describe(model: TrainedModel, weights: Uint8Array): Promise<Manifest> {
  const { name, version, description, labels, layers } = model.recipe;
  const sha256 = await sha256Hex(weights);
  const manifest: Manifest = {
    format: 1,
    name,
    version,
    description,
    labels,
    input: model.input,
    layers,
    temperature: model.temperature,
    weights: { file: WEIGHTS_FILE, dtype: "float16", bytes: weights.byteLength, sha256 },
  };
  return parseManifest(manifest, `the recipe ${name}`);
}

function withEvaluation(manifest: Manifest, { data, images, accuracy }: Evaluation): Manifest {
  return { ...manifest, evaluation: { data, images, accuracy } };
}

/** The first image of each class: `<class>-<label>.png`, in lower case, with "-" for what is no letter or digit. */
async function writeSamples(folder: URL, test: DataSet, { manifest }: Classifier): Promise<void> {
  const images = [...encodedImages(test)];
  for (const [label, text] of manifest.labels.entries()) {
    const first = images.find((image) => image.label === label);
    const name = `${label}-${text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-")}.png`;
    if (first !== undefined) await Deno.writeFile(new URL(encodeURIComponent(name), folder), first.png);
  }
}

function toFloat16(parameters: Float32Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(parameters.length * 2));
  parameters.forEach((value, i) => view.setFloat16(i * 2, value, true));
  return new Uint8Array(view.buffer);
}
