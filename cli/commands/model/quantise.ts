import { stateDir } from "../../../bus/state_dir.ts";
import { defined } from "../../../lib/defined.ts";
import { plural } from "../../../lib/plural.ts";
import { ModelError } from "../../../models/errors.ts";
import { loadDecoders } from "../../../models/image/decode.ts";
import type { Manifest } from "../../../models/manifest.ts";
import { writeModelVersion } from "../../../models/model_version.ts";
import { directoryUrl, readUrl, showUrl } from "../../../models/read_url.ts";
import {
  listVersions,
  loadModel,
  type ModelEntry,
  type ModelSearch,
  versionOf,
} from "../../../models/registry.ts";
import { type DataSet, sliceDataSet } from "../../../training/datasets/data_set.ts";
import { look } from "../../../training/datasets/folder_listing.ts";
import { MAX_FILE_BYTES } from "../../../training/datasets/image_folder.ts";
import { findOfficial } from "../../../training/datasets/official.ts";
import { listPhotographs } from "../../../training/datasets/photographs.ts";
import { findImageFolder } from "../../../training/datasets/read_data_set.ts";
import { alignLabels } from "../../../training/evaluation/align_labels.ts";
import { encodedImages } from "../../../training/evaluation/evaluate.ts";
import { CIFAR_10_GREY, readTrainingData } from "../../../training/fitting/task.ts";
import { msPerImage, type PrecisionMeasures, sameLabels } from "../../../training/precision_section.ts";
import { type Quantisation, quantiseModel } from "../../../training/quantise.ts";
import { readTrainingLog } from "../../../training/training_log.ts";
import { versionAfter } from "../../../training/version_after.ts";
import { type Arguments, UsageError } from "../../command.ts";
import { count, type OptionTable } from "../../../lib/options.ts";
import { modelSearch, nextSteps } from "../../models_directory.ts";
import { DATA_OPTION, JSON_OPTION, MODELS_DIRS_OPTION } from "../../options.ts";
import { readingBar } from "../../ui/progress.ts";
import { columns, logError, percent, print } from "../../ui/terminal.ts";
import { servedVersion } from "../models/serve.ts";

/** Options of `model quantise` that no other action has. */
export const QUANTISE_OPTIONS = {
  calibrate: {
    type: "text",
    value: "NAME|DIR",
    otherwise: "the data set it was trained on",
    text: "data set or folder of images to measure the ranges on",
  },
  ...DATA_OPTION,
  images: { ...count(100_000), default: 1_000, text: "measure the ranges on the last N training images" },
} as const satisfies OptionTable;

type Args = Arguments<typeof QUANTISE_OPTIONS & typeof MODELS_DIRS_OPTION & typeof JSON_OPTION>;

/** Writes a version of a model that is computed in int8, beside the one in float32. */
export async function runQuantise(args: Args): Promise<number> {
  const [name = "", wanted] = args.operands[0]!.split("@", 2);
  const search = await modelSearch(args);
  const { entries } = await listVersions(name, search);
  const entry = await entryOf(name, wanted, entries, search);
  const files = await loadModel(entry);
  const images = await readImages(name, entry, files.manifest, args);
  const version = versionAfter(entries.map(versionOf).find((version) => version !== undefined)!, "1.0.0");
  const { content, measures } = await quantiseModel({ files, folder: entry.folder, version, ...images });
  const directory = directoryBeside(entry);
  const folder = await writeModelVersion(directory, content);
  show(content.manifest, folder, measures, args.values.json);
  const out = args.values.modelsDirs === undefined ? undefined : directory;
  logError(nextSteps(content.manifest, { values: { out, newVersion: true } }));
  return 0;
}

/** The version that was asked for, else the one that is served. */
async function entryOf(
  name: string,
  wanted: string | undefined,
  entries: readonly ModelEntry[],
  search: ModelSearch,
): Promise<ModelEntry> {
  const version = wanted ?? await servedVersion(name, search);
  const entry = entries.find((entry) => versionOf(entry) === version);
  if (entry !== undefined) return entry;
  const known = entries.map(versionOf).filter((known) => known !== undefined).join(", ");
  throw new UsageError(`Cannot quantise ${name}@${version}: there is no such version; there is ${known}`);
}

/** The directory of models that a model is in; of a shipped one, that of the user. */
function directoryBeside({ folder, shipped, version }: ModelEntry): URL {
  if (shipped) return directoryUrl(`${stateDir()}/models`);
  return new URL(version === undefined ? "../" : "../../", folder);
}

type Images = Pick<Quantisation, "calibration" | "test">;

/** Where the test images are known, they are measured too. */
async function readImages(
  name: string,
  entry: ModelEntry,
  { name: model, labels, input: { width, height, channels } }: Manifest,
  { values: { calibrate, data, images } }: Args,
): Promise<Images> {
  const source = calibrate ?? (await readTrainingLog(entry.folder))?.data ?? findOfficial(name)?.name;
  if (source === undefined) {
    throw new UsageError(
      `Cannot quantise ${name}: its data set is unknown; expected --calibrate, such as --calibrate ./shapes`,
    );
  }
  const folder = await folderWithoutClasses(source, data);
  if (folder !== undefined) return { calibration: await readFiles(folder, images) };
  const form = { width, height, channels };
  const train = await readTrainingData(source, "train", data, form, readingBar());
  const last = sliceDataSet(train, Math.max(0, train.count - images), train.count);
  const encoded = [...encodedImages(last)].map(({ png }) => png);
  const test = await readTrainingData(source, "test", data, form, readingBar());
  return {
    calibration: { data: train.title, images: encoded },
    ...defined({ test: aligned(test, { name: model, labels }) }),
  };
}

/** Undefined, and reported, if the images are of other classes: ranges need no labels. */
function aligned(test: DataSet, model: { readonly name: string; readonly labels: readonly string[] }) {
  try {
    return alignLabels(test, model);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    logError(`The accuracy is not measured. ${error.message}`);
    return undefined;
  }
}

/** A folder that has images, but no folder per class. */
async function folderWithoutClasses(source: string, data: string | undefined): Promise<URL | undefined> {
  if (source === CIFAR_10_GREY || findOfficial(source) !== undefined) return undefined;
  const folder = await findImageFolder(source, data);
  return (await look(folder)).folders.length === 0 ? folder : undefined;
}

/** Image files as they are, evenly chosen. */
async function readFiles(folder: URL, count: number): Promise<Quantisation["calibration"]> {
  const all = await listPhotographs(folder);
  const chosen = all.filter((_, i) =>
    Math.floor(i * count / all.length) !== Math.floor((i - 1) * count / all.length)
  );
  const images: Uint8Array[] = [];
  for (const { url } of chosen) images.push(await readUrl(url, MAX_FILE_BYTES));
  await loadDecoders(images);
  return { data: decodeURIComponent(folder.pathname.split("/").at(-2)!), images };
}

function show(manifest: Manifest, folder: URL, measures: PrecisionMeasures | undefined, json: boolean): void {
  const { name, version, calibration } = manifest;
  const layers = calibration!.ranges.filter((range) => range > 0).length;
  const measured = measures && {
    data: measures.int8.data,
    images: measures.int8.images,
    float32: measures.float32.accuracy,
    int8: measures.int8.accuracy,
    sameLabels: sameLabels(measures.float32, measures.int8),
    msPerImage: { float32: msPerImage(measures.float32), int8: msPerImage(measures.int8) },
  };
  if (json) {
    return print(JSON.stringify({ name, version, folder: folder.href, layers, ...defined({ measured }) }));
  }
  const accuracies = measured === undefined ? [] : [
    [
      `accuracy on ${measured.data}`,
      `float32 ${percent(measured.float32, 2)}, int8 ${percent(measured.int8, 2)}`,
    ],
    ["same label", `${measured.sameLabels} of ${measured.images}`],
    [
      "time per image, on this processor",
      `float32 ${measured.msPerImage.float32.toFixed(2)} ms, int8 ${measured.msPerImage.int8.toFixed(2)} ms`,
    ],
  ];
  print(
    columns([...accuracies, [`${name} ${version}, ${plural(layers, "layer")} in bytes`, showUrl(folder)]]),
  );
}
