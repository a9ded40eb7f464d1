import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { PixelForm } from "../../../convert/keras/convert.ts";
import { exportKeras } from "../../../convert/keras/export.ts";
import { importKeras } from "../../../convert/keras/import.ts";
import { viewCount } from "../../../models/image/views.ts";
import { parameterCount } from "../../../models/layers/layers.ts";
import { checkModelPlace, writeModelFolder, writeWholeFile } from "../../../models/model_folder.ts";
import { highestVersion, writeModelVersion } from "../../../models/model_version.ts";
import { showUrl } from "../../../models/read_url.ts";
import { loadModels } from "../../../models/registry.ts";
import { versionAfter } from "../../../training/version_after.ts";
import { type Arguments, defineActions, UsageError } from "../../command.ts";
import { defined } from "../../../lib/defined.ts";
import { count, type CustomRow, flag, type OptionTable } from "../../../lib/options.ts";
import { fileFailure } from "../../file_failure.ts";
import { plural } from "../../../lib/plural.ts";
import { JSON_OPTION, MODELS_DIRS_OPTION } from "../../options.ts";
import { MODEL_OUT_OPTIONS, modelsDirectory, modelSearch, nextSteps } from "../../models_directory.ts";
import { QUANTISE_OPTIONS, runQuantise } from "./quantise.ts";
import { columns, logError, print } from "../../ui/terminal.ts";

function numbersOption(text: string, otherwise: string): CustomRow<number[]> {
  return {
    type: "custom",
    value: "N",
    parse: (written) => written.split(",").map((part) => part.trim() === "" ? NaN : Number(part)),
    accepts: (value) => Array.isArray(value) && value.length <= 3 && value.every(Number.isFinite),
    expected: "a number, or three separated by commas",
    otherwise,
    text,
  };
}

const OPTIONS = {
  name: { type: "text", value: "NAME", text: "name of the model" },
  ...MODEL_OUT_OPTIONS,
  labels: { type: "text", value: "A,B,…", text: "classes, in the order of the outputs" },
  labelsFile: { type: "text", value: "FILE", text: "file with the classes, one per line" },
  description: { type: "text", value: "TEXT", text: "one-line description" },
  scale: numbersOption(
    "divisor of the pixels, which are 0 to 255",
    "255, or 1 if the model contains Rescaling or Normalization",
  ),
  mean: numbersOption("mean to subtract after scaling, a number or A,B,C", "0"),
  std: numbersOption("standard deviation to divide by after that, a number or A,B,C", "1"),
  height: {
    ...count(1024),
    value: "PIXELS",
    text: "height of the images, for a model that accepts any size",
  },
  width: {
    ...count(1024),
    value: "PIXELS",
    text: "width of the images, for a model that accepts any size",
  },
  h5: { type: "text", value: "FILE", text: "file to write" },
  ...QUANTISE_OPTIONS,
  force: { ...flag("replace an existing model or file"), short: "f" },
  ...MODELS_DIRS_OPTION,
  ...JSON_OPTION,
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

const EXPORT = ["h5", "force", "modelsDirs", "json"] as const;
const QUANTISE = ["calibrate", "data", "images", "modelsDirs", "json"] as const;
const IMPORT = (Object.keys(OPTIONS) as (keyof typeof OPTIONS)[])
  .filter((name) => name !== "h5" && name !== "modelsDirs" && !(name in QUANTISE_OPTIONS));

/** Imports models of Keras and TensorFlow.js, exports models for Keras, and writes versions in int8. */
export const model = defineActions({
  name: "model",
  summary: "Import a Keras or TensorFlow.js model, export one to Keras, or quantise one to int8",
  options: OPTIONS,
  examples: [
    ["imagebus model import cats.h5 --name cats --labels cat,dog", "pixels become 0 to 1"],
    [
      "imagebus model import net.keras --name net --labels a,b --scale 127.5 --mean 1",
      "pixels become −1 to 1",
    ],
    [
      "imagebus model import web/model.json --name web --labels-file web.txt",
      "a model of TensorFlow.js; labels from a file",
    ],
    ["imagebus worker", "serve the shipped models and yours"],
    ["imagebus model export mnist --h5 mnist.h5", "for keras.models.load_model"],
    ["imagebus model quantise cats --calibrate ./cats", "a faster version beside it, in int8"],
  ],
  permissions: ["env", "read", "write"],
  actions: {
    import: { operands: { form: "FILE", min: 1, max: 1 }, options: IMPORT, run: runImport },
    export: {
      operands: { form: "NAME", min: 1, max: 1 },
      options: EXPORT,
      run: runExport,
    },
    quantise: {
      operands: { form: "NAME[@VERSION]", min: 1, max: 1 },
      options: QUANTISE,
      run: (args) => runQuantise(args),
    },
  },
});

async function runImport(args: Args): Promise<number> {
  const [file = ""] = args.operands;
  const { name, description } = args.values;
  if (name === undefined) throw new UsageError("Cannot import: the model has no name; expected --name NAME");
  const out = modelsDirectory(name, args);
  const { force, newVersion } = args.values;
  if (!newVersion) await checkModelPlace(new URL(`${name}/`, out), force);
  const highest = newVersion ? await highestVersion(out, name) : undefined;
  const labels = await readLabels(args);
  const imported = await importKeras({
    url: pathToFileURL(resolve(file)),
    name,
    form: readForm(args),
    ...defined({ labels, description, version: highest && versionAfter(highest, "1.0.0") }),
  });
  const folder = newVersion
    ? await writeModelVersion(out, imported)
    : await writeModelFolder(out, imported, { replace: force });
  const { layers, format, guessedForm, manifest } = imported;
  const parameters = parameterCount(layers);
  if (args.values.json) {
    print(
      JSON.stringify({ name, folder: folder.href, format, guessedForm, layers: layers.length, parameters }),
    );
    return 0;
  }
  const sizes = [plural(layers.length, "layer"), plural(parameters, "parameter")];
  const about = [`${manifest.labels.length} classes`, ...sizes].join(", ");
  print(columns([[name, about, showUrl(folder)]]));
  if (guessedForm) {
    logError(
      "The file does not contain the scaling of pixels: 0…255 become 0…1; --scale, --mean and --std change that",
    );
  }
  if (imported.independent) {
    logError(
      "The outputs are sigmoids, each by itself: here one class is chosen, and confidences add up to 1",
    );
  }
  logError(nextSteps(manifest, args));
  return 0;
}

async function runExport(args: Args): Promise<number> {
  const [name = ""] = args.operands;
  const file = args.values.h5;
  if (file === undefined) {
    throw new UsageError(`Cannot export ${name}: no file is given; expected --h5 ${name}.h5`);
  }
  const [files] = await loadModels({ names: [name], ...await modelSearch(args) });
  const content = await exportKeras(files!);
  await writeWholeFile(pathToFileURL(resolve(file)), content, args.values.force);
  if (args.values.json) print(JSON.stringify({ name, file, bytes: content.byteLength }));
  else print(columns([[name, `${content.byteLength} bytes`, file]]));
  const views = viewCount(files!.manifest.input);
  if (views > 1) {
    logError(`Keras has no views: the file classifies one image, not the mean of its ${views} views`);
  }
  return 0;
}

const MAX_LABELS_BYTES = 2 ** 22;

async function readLabels(args: Args): Promise<string[] | undefined> {
  const [list, file] = [args.values.labels, args.values.labelsFile];
  if (list !== undefined && file !== undefined) {
    throw new UsageError("Cannot import: both --labels and --labels-file are given; expected one of them");
  }
  if (list !== undefined) return list.split(",").map((label) => label.trim());
  if (file === undefined) return undefined;
  const lines = (await readLabelsFile(file)).split("\n").map((line) => line.trim());
  const labels = lines.at(-1) === "" ? lines.slice(0, -1) : lines;
  // Teachable Machine numbers them: "0 cat".
  const isNumbered = labels.every((label, i) => label.startsWith(`${i} `));
  return isNumbered ? labels.map((label) => label.slice(label.indexOf(" ") + 1)) : labels;
}

async function readLabelsFile(file: string): Promise<string> {
  try {
    const { size } = await Deno.stat(file);
    if (size <= MAX_LABELS_BYTES) return await Deno.readTextFile(file);
    throw new UsageError(
      `Cannot read labels: ${file} has ${size} bytes; expected at most ${MAX_LABELS_BYTES}`,
    );
  } catch (cause) {
    throw cause instanceof UsageError ? cause : fileFailure("read", `--labels-file ${file}`, cause);
  }
}

function readForm({ values: { scale: scales, mean, std, height, width } }: Args): PixelForm {
  if ((height === undefined) !== (width === undefined)) {
    throw new UsageError("Cannot import: only one of --height and --width is given; expected both");
  }
  const [scale, ...more] = scales ?? [];
  if (more.length > 0) throw new UsageError(`--scale is "${scales!.join()}": expected one number`);
  const notPositive = [...scales ?? [], ...std ?? []].find((value) => value <= 0);
  if (notPositive !== undefined) {
    throw new UsageError(`--scale and --std must be greater than 0, not ${notPositive}`);
  }
  const size = height !== undefined && width !== undefined ? [height, width] as const : undefined;
  return defined({ scale, mean, std, size });
}
