import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { PixelForm } from "../../convert/keras/convert.ts";
import { exportKeras } from "../../convert/keras/export.ts";
import { importKeras } from "../../convert/keras/import.ts";
import { parameterCount } from "../../models/layers/layers.ts";
import { writeModelFolder, writeWholeFile } from "../../models/model_folder.ts";
import { showUrl } from "../../models/read_url.ts";
import { loadModels } from "../../models/registry.ts";
import { type Arguments, type Command, UsageError } from "../command.ts";
import { JSON_OPTION, MODELS_DIR_OPTION } from "../options.ts";
import { didYouMean } from "../ui/suggestion.ts";
import { print, say } from "../ui/terminal.ts";

/** Brings models from Keras and TensorFlow.js, and takes them there. */
export const model: Command = {
  name: "model",
  summary: "Import a model of Keras or TensorFlow.js, or export one for Keras",
  operands: "import FILE | export NAME",
  options: {
    name: { type: "string", value: "NAME", description: "import: what the model is to be called" },
    out: {
      type: "string",
      value: "DIR",
      description: "import: where the model's folder is made; default models",
    },
    labels: {
      type: "string",
      value: "A,B,…",
      description: "import: the classes, in the order of the outputs",
    },
    "labels-file": { type: "string", value: "FILE", description: "import: the classes, one a line" },
    description: { type: "string", value: "TEXT", description: "import: one line for people" },
    scale: {
      type: "string",
      value: "N",
      description:
        "import: what pixels of 0…255 are divided by; default 255, or 1 where the model has a Rescaling or" +
        " Normalization",
    },
    mean: { type: "string", value: "A[,B,C]", description: "import: what is subtracted then; default 0" },
    std: { type: "string", value: "A[,B,C]", description: "import: what is divided by then; default 1" },
    height: {
      type: "number",
      value: "PIXELS",
      description: "import: of the pictures, for a model that takes any",
      range: [1, 1024],
    },
    width: {
      type: "number",
      value: "PIXELS",
      description: "import: of the pictures, for a model that takes any",
      range: [1, 1024],
    },
    h5: { type: "string", value: "FILE", description: "export: the file to write" },
    force: { type: "boolean", description: "replace a model or file that is there" },
    ...MODELS_DIR_OPTION,
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus model import cats.h5 --name cats --labels cat,dog", "into models/cats; pixels become 0 to 1"],
    [
      "imagebus model import net.keras --name net --labels-file names.txt --scale 127.5 --mean 1",
      "pixels become −1 to 1",
    ],
    ["imagebus model import web/model.json --name web --labels a,b,c", "from TensorFlow.js"],
    ["imagebus worker --models-dir models", "serve what was imported"],
    ["imagebus model export mnist --h5 mnist.h5", "for keras.models.load_model"],
  ],
  permissions: ["env", "read", "write"],
  run,
};

const ACTIONS: Readonly<Record<string, (operand: string, args: Arguments) => Promise<void>>> = {
  import: runImport,
  export: runExport,
};

async function run(args: Arguments): Promise<number> {
  const [name = "", operand, ...more] = args.operands;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    const problem = name === "" ? "model needs to know what to do" : `model can't "${name}"`;
    throw new UsageError(`${problem}${didYouMean(name, Object.keys(ACTIONS))}`);
  }
  if (operand === undefined || more.length > 0) {
    throw new UsageError(
      `model ${name} needs one ${
        name === "import"
          ? "file: imagebus model import model.h5 --name mine"
          : "model: imagebus model export mnist --h5 mnist.h5"
      }`,
    );
  }
  await action(operand, args);
  return 0;
}

async function runImport(file: string, args: Arguments): Promise<void> {
  const name = args.text("name");
  if (name === undefined) throw new UsageError("model import needs a name for the model: --name mine");
  const labels = await readLabels(args);
  const description = args.text("description");
  const imported = await importKeras({
    url: pathToFileURL(resolve(file)),
    name,
    form: readForm(args),
    ...(labels !== undefined && { labels }),
    ...(description !== undefined && { description }),
  });
  const out = args.text("out") ?? "models";
  const folder = await writeModelFolder(out, imported, args.flag("force"));
  const { layers, format, guessedForm, manifest } = imported;
  const parameters = parameterCount(layers);
  if (args.flag("json")) {
    return print(
      JSON.stringify({ name, folder: folder.href, format, guessedForm, layers: layers.length, parameters }),
    );
  }
  print(
    `${name}  ${manifest.labels.length} classes, ${layers.length} layers, ${parameters} parameters  ${
      showUrl(folder)
    }`,
  );
  if (guessedForm) {
    say(
      "The file does not say how pixels are scaled: 0…255 become 0…1. --scale, --mean, --std say otherwise.",
    );
  }
  say(`Serve it: imagebus worker --models-dir ${out}`);
}

async function runExport(name: string, args: Arguments): Promise<void> {
  const file = args.text("h5");
  if (file === undefined) throw new UsageError(`model export needs a file to write: --h5 ${name}.h5`);
  const dir = args.text("models-dir");
  const [files] = await loadModels({ names: [name], ...(dir !== undefined && { dirs: [dir] }) });
  const content = await exportKeras(files!);
  await writeWholeFile(pathToFileURL(resolve(file)), content, args.flag("force"));
  if (args.flag("json")) return print(JSON.stringify({ name, file, bytes: content.byteLength }));
  print(`${name}  ${content.byteLength} bytes  ${file}`);
}

const MAX_LABELS_BYTES = 2 ** 22;

async function readLabels(args: Arguments): Promise<string[] | undefined> {
  const [list, file] = [args.text("labels"), args.text("labels-file")];
  if (list !== undefined && file !== undefined) {
    throw new UsageError("Both --labels and --labels-file are given; expected one");
  }
  if (list !== undefined) return list.split(",").map((label) => label.trim());
  if (file === undefined) return undefined;
  const { size } = await Deno.stat(file);
  if (size > MAX_LABELS_BYTES) {
    throw new UsageError(`${file} has ${size} bytes; expected labels, at most ${MAX_LABELS_BYTES} bytes`);
  }
  const lines = (await Deno.readTextFile(file)).split("\n").map((line) => line.trim());
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

function readForm(args: Arguments): PixelForm {
  const [scale, mean, std] = [numbers(args, "scale"), numbers(args, "mean"), numbers(args, "std")];
  const [height, width] = [args.number("height"), args.number("width")];
  if ((height === undefined) !== (width === undefined)) {
    throw new UsageError("--height and --width belong together");
  }
  if (scale !== undefined && scale.length > 1) {
    throw new UsageError(`--scale is "${args.text("scale")}": expected one number`);
  }
  const notPositive = [...scale ?? [], ...std ?? []].find((value) => value <= 0);
  if (notPositive !== undefined) {
    throw new UsageError(`--scale and --std must be greater than 0; there is ${notPositive}`);
  }
  return {
    ...(scale !== undefined && { scale: scale[0]! }),
    ...(mean !== undefined && { mean }),
    ...(std !== undefined && { std }),
    ...(height !== undefined && width !== undefined && { size: [height, width] as const }),
  };
}

function numbers(args: Arguments, option: string): number[] | undefined {
  const text = args.text(option);
  const values = text?.split(",").map((part) => part.trim() === "" ? NaN : Number(part));
  if (values === undefined || (values.length <= 3 && values.every(Number.isFinite))) return values;
  throw new UsageError(`--${option} is "${text}": expected a number, or three with commas between them`);
}
