import { createClassifier, type ModelFiles } from "../../models/classifier.ts";
import { type ShapedLayer, shapeLayers } from "../../models/layers/layers.ts";
import { type Manifest, parseManifest } from "../../models/manifest.ts";
import { sha256Hex } from "../../models/registry.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { writeImportCard } from "./card.ts";
import { convert, type Converted, type PixelForm } from "./convert.ts";
import { openKeras } from "./open.ts";
import type { KerasSource } from "./source.ts";
import { invalid } from "./invalid.ts";

/** What to import, with information that the file does not contain. */
export interface KerasImport {
  /** The file, or a folder with a `model.json`. */
  readonly url: URL;
  /** Name of the model: `[a-z0-9][a-z0-9-]{0,62}`. */
  readonly name: string;
  /** The classes, in the order of the outputs. */
  readonly labels?: readonly string[];
  /** One human-readable line. */
  readonly description?: string;
  /** Of the manifest. @default {"1.0.0"} */
  readonly version?: string;
  /** How pixels are converted for the model. */
  readonly form?: PixelForm;
}

/** An imported model that has not been written to a folder. */
export interface ImportedModel extends ModelFiles {
  /** The layers with their shapes. */
  readonly layers: readonly ShapedLayer[];
  /** Its card, in Markdown. */
  readonly card: string;
  /** Format of the imported file. */
  readonly format: string;
  /** Whether the scale of the pixels is a guess, known neither from the model nor from the options. */
  readonly guessedForm: boolean;
  /** As of {@linkcode Converted}. */
  readonly independent: boolean;
}

const WEIGHTS_FILE = "weights.bin";

/**
 * Imports a model of Keras, and runs it once.
 *
 * @param options What to import.
 * @returns The model, with its weights as float32; nothing is written.
 * @throws {ModelError} `invalid` or `invalid_manifest`: names what is not supported or missing; `not_found`,
 * `denied`, `damaged`; `backend` if it cannot run.
 */
export async function importKeras(options: KerasImport): Promise<ImportedModel> {
  using source = await openKeras(options.url);
  const converted = convert(source, options.form);
  const weights = new Uint8Array(converted.parameters.buffer as ArrayBuffer);
  const manifest = await manifestOf(options, converted, weights, source);
  const layers = shapeLayers(manifest.input, manifest.layers, source.where);
  (await createClassifier({ manifest, weights }, await loadWasmBinary()))[Symbol.dispose]();
  const guessedForm = !converted.normalises && options.form?.scale === undefined &&
    options.form?.mean === undefined;
  const { format } = source;
  const { independent } = converted;
  const file = options.url.pathname.split("/").findLast((part) => part !== "") ?? "";
  const card = writeImportCard({ manifest, layers, format, file: decodeURIComponent(file), guessedForm });
  return { manifest, weights, layers, card, format, guessedForm, independent };
}

async function manifestOf(
  { name, labels, description, version = "1.0.0" }: KerasImport,
  { layers, input, classes }: Converted,
  weights: Uint8Array,
  { where, labels: known }: KerasSource,
): Promise<Manifest> {
  return parseManifest({
    format: 1,
    name,
    version,
    description: description ?? `Imported from Keras; ${classes} classes`,
    labels: checkLabels(labels ?? known, classes, where),
    input,
    layers,
    weights: {
      file: WEIGHTS_FILE,
      dtype: "float32",
      bytes: weights.byteLength,
      sha256: await sha256Hex(weights),
    },
  }, where);
}

function checkLabels(
  labels: readonly string[] | undefined,
  classes: number,
  where: string,
): readonly string[] {
  if (labels?.length === classes) return labels;
  const given = labels?.length ?? 0;
  throw invalid(
    `${where} has ${classes} outputs, but ${
      given === 0 ? "no" : given
    } labels were given; expected ${classes} with` +
      " --labels, in the order of the outputs",
  );
}
