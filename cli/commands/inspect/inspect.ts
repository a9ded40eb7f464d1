import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CONNECT_OPTIONS } from "../../../bus/options.ts";
import { SEND_OPTIONS } from "../../../bus/send_options.ts";
import { defined } from "../../../lib/defined.ts";
import type { OptionTable } from "../../../lib/options.ts";
import { type Classifier, createClassifier } from "../../../models/classifier.ts";
import { DECODE_OPTIONS, decodeSettings } from "../../../models/image/limits.ts";
import type { Manifest } from "../../../models/manifest.ts";
import { checkFilePlace, writeWholeFile } from "../../../models/model_folder.ts";
import { loadModels } from "../../../models/registry.ts";
import { loadWasmBinary } from "../../../models/wasm_binary.ts";
import { type Arguments, defineCommand } from "../../command.ts";
import { checkImageFiles } from "../../image_file.ts";
import { JSON_OPTION, MODELS_DIRS_OPTION } from "../../options.ts";
import { modelSearch } from "../../models_directory.ts";
import { logError, print, terminalWidth } from "../../ui/terminal.ts";
import { inspectFile, type Inspection, TOP } from "./inspection.ts";
import { reductionOf } from "./facts.ts";
import { writePage } from "./page.ts";
import { drawSheet } from "./sheet.ts";
import { draw } from "./drawing.ts";

const OPTIONS = {
  model: SEND_OPTIONS.model,
  ...MODELS_DIRS_OPTION,
  out: {
    type: "custom",
    short: "o",
    value: "FILE",
    parse: (text) => /\.(png|html)$/i.test(text) ? text : undefined,
    accepts: (value) => typeof value === "string",
    expected: "a name that ends in .png or .html",
    text: "also write a drawing (.png), or a page without external resources (.html)",
  },
  maxMessageBytes: CONNECT_OPTIONS.maxMessageBytes,
  ...DECODE_OPTIONS,
  ...JSON_OPTION,
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

/** Shows what becomes of an image on its way through a model. */
export const inspect = defineCommand({
  name: "inspect",
  summary: "Show what a model sees of an image, step by step",
  operands: { form: "FILE…", min: 1, max: Infinity },
  options: OPTIONS,
  examples: [
    ["imagebus inspect seven.jpg --model mnist", "in the terminal"],
    ["imagebus inspect *.jpg --out boots.html", "also as a page"],
    ["imagebus inspect boot.heic --out boot.png", "also as one image"],
    ["imagebus inspect boot.heic --json", "one JSON object per image, without drawings"],
  ],
  permissions: ["env", "read", "write"],
  run,
});

async function run(args: Args): Promise<number> {
  const { model, out, json } = args.values;
  await checkImageFiles("inspect", args.operands);
  if (out !== undefined) await checkFilePlace(pathToFileURL(resolve(out)), true);
  const [files] = await loadModels({ names: [model], ...await modelSearch(args) });
  const limits = decodeSettings(args.values);
  using classifier = await createClassifier(files!, await loadWasmBinary(), limits);
  const inspections: Inspection[] = [];
  let allOk = true;
  for (const file of args.operands) {
    const inspection = await inspectFile(file, classifier, limits, args.values.maxMessageBytes);
    if (out !== undefined) inspections.push(inspection);
    allOk &&= inspection.outcome.ok;
    print(json ? toJson(inspection, classifier) : draw(inspection, classifier.manifest, terminalWidth()));
  }
  if (out !== undefined) await write(out, inspections, classifier.manifest);
  return allOk ? 0 : 1;
}

async function write(file: string, inspections: readonly Inspection[], manifest: Manifest): Promise<void> {
  const content = /\.png$/i.test(file)
    ? drawSheet(inspections, manifest)
    : new TextEncoder().encode(writePage(inspections, manifest));
  await writeWholeFile(pathToFileURL(resolve(file)), content, true);
  logError(`written to ${file}`);
}

function toJson(
  { file, bytes, format, header, encoding, way, outcome }: Inspection,
  { manifest }: Classifier,
): string {
  const { name, version, input } = manifest;
  return JSON.stringify({
    file,
    bytes,
    format,
    ...header && { width: header.width, height: header.height, decodedBytes: header.decodedBytes },
    ...encoding,
    ...way && {
      decodeMs: way.decodeMs,
      reduction: reductionOf(header!, way),
      form: input.form ?? null,
      formMs: way.formMs,
      stages: way.stages.map(({ name, width, height, channels }) => ({ name, width, height, channels })),
    },
    limits: header?.limits,
    model: name,
    modelVersion: version,
    ...outcome.ok
      ? { ...defined({ unknown: outcome.unknown }), top: outcome.top.slice(0, TOP) }
      : { error: { code: outcome.code, message: outcome.message } },
  });
}
