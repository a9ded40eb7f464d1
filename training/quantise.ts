import { defined } from "../lib/defined.ts";
import { calibrate } from "../models/calibrate.ts";
import { type Classifier, createClassifier, type ModelFiles } from "../models/classifier.ts";
import { ModelError } from "../models/errors.ts";
import { type Manifest, parseManifest } from "../models/manifest.ts";
import type { FolderContent } from "../models/model_folder.ts";
import { readIfExists } from "../models/read_url.ts";
import { REFERENCE_FILE } from "../models/reference.ts";
import { sampleFile } from "../models/samples.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { replaceSection } from "./card_section.ts";
import type { DataSet } from "./datasets/data_set.ts";
import { encodeReference } from "./evaluation/encode_reference.ts";
import { evaluate, type EvaluateOptions } from "./evaluation/evaluate.ts";
import { PRECISION_SECTION, type PrecisionMeasures, precisionSection } from "./precision_section.ts";
import { TRAINING_LOG } from "./training_log.ts";

/** What a model is quantised with. */
export interface Quantisation {
  /** The model, in float32, with its folder. */
  readonly files: ModelFiles;
  readonly folder: URL;
  /** Of what is written. */
  readonly version: string;
  /** Encoded images on which the ranges are measured, and their title; none of the test images. */
  readonly calibration: { readonly data: string; readonly images: readonly Uint8Array[] };
  /** On which both precisions are measured; their labels are those of the model. @default {nothing is measured} */
  readonly test?: DataSet;
  /** Of the measurement of both precisions. */
  readonly options?: EvaluateOptions;
}

/** A version in int8, and how it was measured. */
export interface QuantisedModel {
  readonly content: FolderContent;
  readonly measures?: PrecisionMeasures;
}

const MAX_FILE_BYTES = 16_777_216;

/**
 * Makes a version of a model that is computed in int8: the same weights, ranges that were measured on images, and the accuracy
 * of both precisions in its card.
 *
 * @param quantisation The model, and the images.
 * @returns What `writeModelVersion` writes.
 * @throws {ModelError} `invalid`: the model is in int8 already, or nothing in it can be computed in bytes; `backend`;
 * `denied`; `unavailable`.
 */
export async function quantiseModel(quantisation: Quantisation): Promise<QuantisedModel> {
  const { files, version, calibration: { data, images }, test, options } = quantisation;
  const { manifest: { evaluation: _, ...manifest } } = files;
  if (manifest.precision === "int8") {
    throw new ModelError(
      "invalid",
      `Cannot quantise ${manifest.name} ${manifest.version}: it is in int8 already; expected a version in float32`,
    );
  }
  const wasm = await loadWasmBinary();
  const ranges = await calibrate(files, wasm, images);
  const draft: Manifest = {
    ...manifest,
    version,
    precision: "int8",
    calibration: { data, images: images.length, ranges },
  };
  const int8 = { ...files, manifest: draft };
  const measures = test && await measure({ float32: files, int8 }, wasm, test, options);
  const measured = measures &&
    { data: measures.int8.data, images: measures.int8.images, accuracy: measures.int8.accuracy };
  const content = {
    ...int8,
    manifest: parseManifest({ ...draft, ...defined({ evaluation: measured }) }, manifest.name),
    ...await copiedFiles(quantisation, measures),
  };
  return {
    content: { ...content, card: cardOf(content.card, files.manifest, content.manifest, measures) },
    ...defined({ measures }),
  };
}

/** Only one at a time is in memory. */
async function measure(
  { float32, int8 }: { readonly float32: ModelFiles; readonly int8: ModelFiles },
  wasm: WebAssembly.Module,
  test: DataSet,
  options?: EvaluateOptions,
): Promise<PrecisionMeasures> {
  const measured = async (files: ModelFiles) => {
    using classifier: Classifier = await createClassifier(files, wasm);
    return await evaluate(classifier, test, options);
  };
  return { float32: await measured(float32), int8: await measured(int8) };
}

function cardOf(card: string, former: Manifest, manifest: Manifest, measures?: PrecisionMeasures): string {
  const titled = card.replace(/^# .*/, `# ${manifest.name} ${manifest.version}`);
  return replaceSection(titled, PRECISION_SECTION, precisionSection(former, manifest, measures));
}

/** What else is in the folder of the model: the card, and the files that belong to the weights. */
async function copiedFiles(
  { files: { manifest, scorerWeights }, folder, test }: Quantisation,
  measures?: PrecisionMeasures,
): Promise<Pick<FolderContent, "card"> & { readonly others: Map<string, Uint8Array> }> {
  const others = new Map<string, Uint8Array>();
  for (
    const path of [
      TRAINING_LOG,
      REFERENCE_FILE,
      ...manifest.labels.map((label, i) => sampleFile(i, label)),
    ]
  ) {
    const content = await read(folder, path);
    if (content !== undefined) others.set(path, content);
  }
  if (test && measures) others.set(REFERENCE_FILE, encodeReference(test, measures.int8, manifest));
  if (manifest.unknown?.score === "features") others.set(manifest.unknown.weights.file, scorerWeights!);
  const card = await read(folder, "card.md");
  const fallback = `# ${manifest.name}\n\n${manifest.description}.\n`;
  return { card: card === undefined ? fallback : new TextDecoder().decode(card), others };
}

async function read(folder: URL, path: string): Promise<Uint8Array | undefined> {
  return await readIfExists(
    new URL(path.split("/").map(encodeURIComponent).join("/"), folder),
    MAX_FILE_BYTES,
  );
}
