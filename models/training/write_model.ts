import type { Classifier } from "../classifier.ts";
import { createClassifier } from "../classifier.ts";
import { sliceDataSet } from "../datasets/data_set.ts";
import type { DataSet } from "../datasets/data_set.ts";
import { parseManifest } from "../manifest.ts";
import type { Manifest } from "../manifest.ts";
import { explain } from "../read_url.ts";
import { sha256Hex } from "../registry.ts";
import { loadWasmBinary } from "../wasm_binary.ts";
import { writeCard } from "./card.ts";
import { encodedImages, evaluate, firstOf } from "./evaluate.ts";
import type { Evaluation } from "./evaluate.ts";
import type { Recipe } from "./recipe.ts";
import type { TrainingTask } from "./shard.ts";
import { bestTraining } from "./train.ts";
import type { Training } from "./train.ts";

/** A model that is trained but not yet a folder. */
export interface TrainedModel {
  /** How it was trained, and on what. */
  readonly task: TrainingTask;
  /** One for each seed. */
  readonly trainings: readonly Training[];
}

/** What was measured on the test images. */
export interface TestMeasures {
  /** The written model; all test images last, before them those that are reported apart. */
  readonly evaluations: readonly Evaluation[];
  /** Share of right answers among all test images, for each training. */
  readonly accuracies: readonly number[];
  /** Likewise for the written model, with its weights as they were before rounding. */
  readonly unroundedAccuracy: number;
}

/** A folder as it was written. */
export interface WrittenModel {
  /** Where. */
  readonly folder: URL;
  /** What its manifest says. */
  readonly manifest: Manifest;
  /** What was measured on the test images. */
  readonly measures: TestMeasures;
}

const WEIGHTS_FILE = "weights.bin";

/** What a manifest says before anything was measured. */
type Draft = Omit<Manifest, "evaluation">;

/**
 * Writes a model's folder: weights (float16), manifest, card, samples and the log of the training. It is measured as it will
 * be served, with the rounded weights and on encoded images.
 *
 * @param out The directory in which the folder is made, named as the model; one that is there is replaced when all is written.
 * @param model What to write.
 * @param test The images to measure it on.
 * @param signal Ends it while it measures.
 * @returns What was written.
 * @throws {ModelError} `denied`, `unavailable`, `backend`; or the signal's reason.
 */
export async function writeModel(
  out: URL,
  model: TrainedModel,
  test: DataSet,
  signal?: AbortSignal,
): Promise<WrittenModel> {
  const best = bestTraining(model.trainings);
  const weights = toFloat16(best.numbers);
  const draft = await describe(model.task, best, weights, "float16");
  const measures = await measure(model, best, test, signal);
  const { data, images, accuracy } = measures.evaluations.at(-1)!;
  const manifest = parseManifest(
    { ...draft, evaluation: { data, images, accuracy } },
    model.task.recipe.name,
  );
  const files = new Map<string, string | Uint8Array>([
    [WEIGHTS_FILE, weights],
    ["manifest.json", JSON.stringify(manifest, null, 2) + "\n"],
    ["card.md", writeCard({ ...model, best, manifest, measures, test })],
    ["training.json", JSON.stringify(trainingLog(model, measures), null, 1) + "\n"],
    ...samples(test, manifest),
  ]);
  return { folder: await replaceFolder(out, manifest.name, files), manifest, measures };
}

async function measure(
  { task, trainings }: TrainedModel,
  best: Training,
  test: DataSet,
  signal?: AbortSignal,
): Promise<TestMeasures> {
  const options = signal === undefined ? {} : { signal };
  const all: Evaluation[] = [];
  for (const training of trainings) {
    using classifier = await classifierOf(task, training, "float16");
    all.push(await evaluate(classifier, test, options));
  }
  using unrounded = await classifierOf(task, best, "float32");
  const { accuracy: unroundedAccuracy } = await evaluate(unrounded, test, options);
  const evaluation = all[trainings.indexOf(best)]!;
  return {
    evaluations: [...firstImages(task.recipe, evaluation, test), evaluation],
    accuracies: all.map(({ accuracy }) => accuracy),
    unroundedAccuracy,
  };
}

/**
 * Takes out of a measurement what a recipe reports apart.
 *
 * @param recipe What is reported.
 * @param evaluation Of all test images.
 * @param test The images.
 * @returns Nothing or one measurement.
 */
export function firstImages(
  { firstTestImages }: Recipe,
  evaluation: Evaluation,
  test: DataSet,
): Evaluation[] {
  if (firstTestImages === undefined || firstTestImages.count >= test.count) return [];
  const { count, title } = firstTestImages;
  return [firstOf(evaluation, { ...sliceDataSet(test, 0, count), title })];
}

async function classifierOf(
  task: TrainingTask,
  training: Training,
  dtype: "float16" | "float32",
): Promise<Classifier> {
  const { numbers } = training;
  const weights = dtype === "float16" ? toFloat16(numbers) : new Uint8Array(numbers.slice().buffer);
  const manifest = await describe(task, training, weights, dtype);
  return await createClassifier({ manifest, weights }, await loadWasmBinary());
}

async function describe(
  { recipe, input, train }: TrainingTask,
  { temperature }: Training,
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
    weights: { file: WEIGHTS_FILE, dtype, bytes: weights.byteLength, sha256: await sha256Hex(weights) },
  };
  return parseManifest(draft, `the recipe ${name}`);
}

function trainingLog({ task, trainings }: TrainedModel, { accuracies }: TestMeasures) {
  const { card: _, ...recipe } = task.recipe;
  return {
    recipe,
    data: { train: task.train.title, images: task.train.count, validationImages: task.validation.count },
    deno: Deno.version.deno,
    cores: navigator.hardwareConcurrency,
    trainings: trainings.map(({ numbers: _, history, ...training }, i) => ({
      ...training,
      seconds: Math.round(training.seconds),
      testAccuracy: accuracies[i],
      epochs: history,
    })),
  };
}

/** The first image of each class: `<class>-<label>.png`, in lower case, with "-" for what is no letter or digit. */
function samples(test: DataSet, { labels }: Manifest): [string, Uint8Array][] {
  const wanted = new Map(labels.map((text, label) => [label, text]));
  const found: [string, Uint8Array][] = [];
  for (const { png, label } of encodedImages(test)) {
    const text = wanted.get(label);
    if (text === undefined) continue;
    wanted.delete(label);
    found.push([`samples/${label}-${text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-")}.png`, png]);
    if (wanted.size === 0) break;
  }
  return found;
}

/** All is written beside first, so that a full disk leaves the folder as it was. */
async function replaceFolder(
  out: URL,
  name: string,
  files: ReadonlyMap<string, string | Uint8Array>,
): Promise<URL> {
  const [folder, part, old] = ["", ".part", ".old"].map((end) => new URL(`${name}${end}/`, out)) as [
    URL,
    URL,
    URL,
  ];
  try {
    await Deno.mkdir(new URL("samples/", part), { recursive: true });
    for (const [file, content] of files) {
      const url = new URL(file.split("/").map(encodeURIComponent).join("/"), part);
      if (typeof content === "string") await Deno.writeTextFile(url, content);
      else await Deno.writeFile(url, content);
    }
    if (await isThere(folder)) await Deno.rename(folder, old);
    await Deno.rename(part, folder);
    await removeIfThere(old);
    return folder;
  } catch (cause) {
    await removeIfThere(part);
    throw explain(folder, cause);
  }
}

async function isThere(folder: URL): Promise<boolean> {
  try {
    await Deno.stat(folder);
    return true;
  } catch {
    return false;
  }
}

async function removeIfThere(folder: URL): Promise<void> {
  if (await isThere(folder)) await Deno.remove(folder, { recursive: true });
}

function toFloat16(numbers: Float32Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(numbers.length * 2));
  numbers.forEach((value, i) => view.setFloat16(i * 2, value, true));
  return new Uint8Array(view.buffer);
}
