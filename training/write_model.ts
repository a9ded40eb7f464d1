import { defined } from "../lib/defined.ts";
import { type Classifier, createClassifier } from "../models/classifier.ts";
import { type DataSet, sliceDataSet } from "./datasets/data_set.ts";
import { type Manifest, parseManifest } from "../models/manifest.ts";
import { writeModelFolder } from "../models/model_folder.ts";
import { writeModelVersion } from "../models/model_version.ts";
import { sampleFile } from "../models/samples.ts";
import { sha256Hex } from "../models/registry.ts";
import { REFERENCE_FILE } from "../models/reference.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { writeCard } from "./card.ts";
import { encodeReference } from "./evaluation/encode_reference.ts";
import { encodedImages, evaluate, type Evaluation, firstOf } from "./evaluation/evaluate.ts";
import type { Recipe } from "./recipes/recipe.ts";
import type { TrainingTask } from "./fitting/training_task.ts";
import { describeTraining, TRAINING_LOG } from "./training_log.ts";
import {
  bestWeights,
  type TestMeasures,
  type TrainedModel,
  type TrainedWeights,
} from "./fitting/trained_model.ts";

/** What becomes of a model of the same name: it is replaced, or it stays and gets a version; otherwise nothing is written. */
export type Existing = "refuse" | "replace" | "keep";

/** A model in its folder. */
export interface WrittenModel {
  readonly folder: URL;
  readonly manifest: Manifest;
  /** Measured on the test images. */
  readonly measures: TestMeasures;
}

const WEIGHTS_FILE = "weights.bin";

/** A manifest before anything was measured. */
type Draft = Omit<Manifest, "evaluation">;

/**
 * Writes a model's folder: weights (float16), manifest, card, samples and the log of the training. The model
 * is measured as it will be served, with rounded weights and on encoded images.
 *
 * @param out The directory of models; the folder has the model's name.
 * @param model What to write.
 * @param tests The images to measure it on: first its test images, then others to report.
 * @param options Whether an existing model is replaced, once the new one is complete, or gets a version beside it; and a
 * signal that aborts the measurement.
 * @throws {ModelError} `invalid` if the name is taken; `denied`, `unavailable`, `backend`; or the signal's reason.
 */
export async function writeModel(
  out: URL,
  model: TrainedModel,
  tests: readonly [DataSet, ...DataSet[]],
  { existing = "refuse", signal }: { readonly existing?: Existing; readonly signal?: AbortSignal } = {},
): Promise<WrittenModel> {
  const best = bestWeights(model);
  const weights = toFloat16(best.numbers);
  const draft = await describe(model.task, best, weights, "float16");
  const measures = await measure(model, best, tests, signal);
  const { data, images, accuracy } = measures.evaluations[0]!;
  const manifest = parseManifest(
    { ...draft, evaluation: { data, images, accuracy } },
    model.task.recipe.name,
  );
  const log = JSON.stringify(describeTraining(model, measures), null, 1) + "\n";
  const content = {
    manifest,
    weights,
    card: writeCard({ ...model, best, manifest, measures }),
    others: new Map([
      [TRAINING_LOG, new TextEncoder().encode(log)],
      [REFERENCE_FILE, encodeReference(tests[0], measures.evaluations[0]!, manifest)],
      ...samples(tests[0]!, manifest),
    ]),
  };
  const folder = existing === "keep"
    ? await writeModelVersion(out, content)
    : await writeModelFolder(out, content, { replace: existing === "replace" });
  return { folder, manifest, measures };
}

async function measure(
  { task, trainings, average }: TrainedModel,
  best: TrainedWeights,
  [test, ...others]: readonly DataSet[],
  signal?: AbortSignal,
): Promise<TestMeasures> {
  const options = signal === undefined ? {} : { signal };
  const all: Evaluation[] = [];
  const more: Evaluation[] = [];
  const candidates = [...trainings, ...average === undefined ? [] : [average]];
  for (const weights of candidates) {
    using classifier = await classifierOf(task, weights, "float16");
    all.push(await evaluate(classifier, test!, options));
    if (weights !== best) continue;
    for (const other of others) more.push(await evaluate(classifier, other, options));
  }
  using unrounded = await classifierOf(task, best, "float32");
  const { accuracy: unroundedAccuracy } = await evaluate(unrounded, test!, options);
  const evaluation = all[candidates.indexOf(best)]!;
  const accuracies = all.map(({ accuracy }) => accuracy);
  return {
    evaluations: [evaluation, ...firstImages(task.recipe.firstTestImages, evaluation, test!), ...more],
    accuracies: accuracies.slice(0, trainings.length),
    ...defined({ averageAccuracy: accuracies[trainings.length] }),
    unroundedAccuracy,
  };
}

/**
 * Selects the first test images from a measurement, if a recipe reports them separately.
 *
 * @param firstTestImages How many, and their title.
 * @param evaluation Of all test images.
 * @param test The images.
 * @returns None or one.
 */
export function firstImages(
  firstTestImages: Recipe["firstTestImages"],
  evaluation: Evaluation,
  test: DataSet,
): Evaluation[] {
  if (firstTestImages === undefined || firstTestImages.count >= test.count) return [];
  const { count, title } = firstTestImages;
  return [firstOf(evaluation, { ...sliceDataSet(test, 0, count), title })];
}

async function classifierOf(
  task: TrainingTask,
  trained: TrainedWeights,
  dtype: "float16" | "float32",
): Promise<Classifier> {
  const { numbers } = trained;
  const weights = dtype === "float16" ? toFloat16(numbers) : new Uint8Array(numbers.slice().buffer);
  const manifest = await describe(task, trained, weights, dtype);
  return await createClassifier({ manifest, weights }, await loadWasmBinary());
}

async function describe(
  { recipe, input, train }: TrainingTask,
  { temperature, unknown }: TrainedWeights,
  weights: Uint8Array,
  dtype: "float16" | "float32",
): Promise<Draft> {
  const { name, version, description, layers } = recipe;
  const draft: Draft = {
    format: 1,
    name,
    version,
    description,
    labels: train.classes,
    input,
    layers,
    temperature,
    ...defined({ unknown }),
    weights: { file: WEIGHTS_FILE, dtype, bytes: weights.byteLength, sha256: await sha256Hex(weights) },
  };
  return parseManifest(draft, `the recipe ${name}`);
}

/** The first image of each class. */
function samples(test: DataSet, { labels }: Manifest): [string, Uint8Array][] {
  const wanted = new Map(labels.map((text, label) => [label, text]));
  const found: [string, Uint8Array][] = [];
  for (const { png, label } of encodedImages(test)) {
    const text = wanted.get(label);
    if (text === undefined) continue;
    wanted.delete(label);
    found.push([sampleFile(label, text), png]);
    if (wanted.size === 0) break;
  }
  return found;
}

function toFloat16(numbers: Float32Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(numbers.length * 2));
  numbers.forEach((value, i) => view.setFloat16(i * 2, value, true));
  return new Uint8Array(view.buffer);
}
