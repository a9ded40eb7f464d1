/**
 * The description of a model: `manifest.json`, beside `weights.bin`, `card.md` and `samples/`.
 *
 * A folder with a valid manifest is a model and is served under its {@linkcode Manifest.name}. The
 * architecture is data, so a new model needs no code.
 *
 * @module
 */
import { defined } from "../lib/defined.ts";
import { fieldError, ModelError } from "./errors.ts";
import { JsonFields } from "../lib/json_fields.ts";
import { type Layer, parseLayer } from "./layers/layer.ts";
import { parameterCount, type ShapedLayer, shapeLayers } from "./layers/layers.ts";
import { FORM_NAMES } from "./image/canonical/forms.ts";
import type { InputSpec } from "./image/canonical.ts";
import { type Edge, MAX_VIEWS, type View } from "./image/views.ts";
import { featureCount, parseUnknown, type UnknownSpec } from "./unknown.ts";
import { parseWeights, type WeightsSpec } from "./weights_spec.ts";

export type {
  Activation,
  ActivationFunction,
  Convolution,
  Extent,
  Layer,
  Operation,
  Padding,
  Pool,
} from "./layers/layer.ts";
export type { InputSpec } from "./image/canonical.ts";
export type { EnergyScore, FeaturesScore, UnknownSpec } from "./unknown.ts";
export type { WeightsSpec } from "./weights_spec.ts";
export type { Edge, View } from "./image/views.ts";

/** A trained classifier, as declared by its `manifest.json`. */
export interface Manifest {
  /** Version of the file format: 1. */
  readonly format: 1;
  /** The name that requests use: `[a-z0-9][a-z0-9-]{0,62}`, equal to the name of the folder. */
  readonly name: string;
  /** Changes whenever the weights or the architecture change, e.g. `"1.0.0"`. */
  readonly version: string;
  /** One human-readable line of up to 500 characters. */
  readonly description: string;
  /** The classes, in the order of the outputs: 2 to 10,000, all different. */
  readonly labels: readonly string[];
  /** What the first layer expects. */
  readonly input: InputSpec;
  /**
   * 1 to 1,000, first to last; the last one has as many outputs as there are labels and no activation
   * (logits).
   */
  readonly layers: readonly Layer[];
  /** Divides the logits before the softmax, so that confidences are calibrated (> 0). @default {1} */
  readonly temperature?: number;
  /** Where the trained parameters are. */
  readonly weights: WeightsSpec;
  /**
   * How the network is computed. `int8` is faster and less precise. It is never chosen, only declared; `imagebus model
   * quantise` writes a version that declares it.
   *
   * With `int8`, convolutions and dense layers multiply bytes where the layer before has a range in
   * {@linkcode Manifest.calibration}. Weights are rounded to -127…127 when they are loaded, with a scale for each filter
   * or unit; what the layer is given is rounded to 0…127, of which 127 is the range. Sums are exact (32 bits) and the same on
   * all machines; then they are float32 again, for the bias and the activation. All else is float32: the first layer, the
   * last one if it is dense (so logits and features are), layers that do not follow an activation relu or relu6, and those
   * that TensorFlow.js runs. The file of the weights is the same for both.
   *
   * @default {"float32"}
   */
  readonly precision?: "float32" | "int8";
  /** With the precision `int8`, and only then: the numbers that bytes stand for. */
  readonly calibration?: Calibration;
  /** How the model recognises images that show none of its classes. @default it does not */
  readonly unknown?: UnknownSpec;
  /** Test accuracy, on data that no choice depended on; shown by `imagebus models`. */
  readonly evaluation?: {
    /** The test data, e.g. `"Fashion-MNIST test"`. */
    readonly data: string;
    /** Number of test images. */
    readonly images: number;
    /** Share of images that were classified correctly, 0 to 1. */
    readonly accuracy: number;
  };
}

/** The ranges of the layers that give bytes, and where they were measured. */
export interface Calibration {
  /** The images, e.g. `"MNIST train"`: never those of the evaluation. */
  readonly data: string;
  /** Number of images. */
  readonly images: number;
  /**
   * One number per layer: what the byte 127 of its output stands for, and larger outputs become; 0 where the output is float32.
   * Only a `conv2d` or `dense` with the activation relu or relu6 can give bytes, whose output is used by one such layer alone,
   * directly or through `flatten` and a maximum pooling that is computed with it.
   */
  readonly ranges: readonly number[];
}

/**
 * Checks every field of a manifest, so a {@linkcode Manifest} need not be checked again.
 *
 * @param json The result of `JSON.parse`.
 * @param where The file that it came from, for messages.
 * @throws {ModelError} `invalid_manifest`: names the field, its value and what would be right.
 *
 * @example
 * ```ts
 * import { parseManifest } from "./manifest.ts";
 * const input = { width: 2, height: 2, channels: 1, mean: [0], std: [1] };
 * const manifest = parseManifest({
 *   format: 1,
 *   name: "light",
 *   version: "1.0.0",
 *   description: "Distinguishes light images from dark ones",
 *   labels: ["dark", "light"],
 *   input,
 *   layers: [{ type: "flatten" }, { type: "dense", units: 2 }],
 *   weights: { file: "weights.bin", dtype: "float32", bytes: 40, sha256: "0".repeat(64) },
 * }, "light/manifest.json");
 * console.log(manifest.labels);
 * ```
 */
export function parseManifest(json: unknown, where: string): Manifest {
  const fields = new JsonFields(json, where, fieldError("invalid_manifest"));
  const evaluation = fields.has("evaluation") ? parseEvaluation(fields.object("evaluation")) : undefined;
  const temperature = fields.has("temperature") ? fields.number("temperature", { above: 0 }) : undefined;
  const layers = fields.objects("layers", 1, 1_000).map(parseLayer);
  const manifest: Manifest = {
    format: fields.oneOf("format", [1]),
    name: fields.pattern(
      "name",
      /^[a-z0-9][a-z0-9-]{0,62}$/,
      "1 to 63 of a-z, 0-9 and -, with a letter or digit first",
    ),
    version: fields.text("version", 50),
    description: fields.text("description", 500),
    labels: fields.texts("labels", 2, 10_000),
    input: parseInput(fields.object("input")),
    layers,
    ...(temperature === undefined ? {} : { temperature }),
    weights: parseWeights(fields.object("weights")),
    ...parsePrecision(fields, layers.length),
    ...(evaluation === undefined ? {} : { evaluation }),
  };
  const shaped = checkNetwork(manifest, where);
  const unknown = fields.has("unknown")
    ? parseUnknown(fields.object("unknown"), featureCount(shaped), where)
    : undefined;
  fields.refuseOthers();
  return { ...manifest, ...defined({ unknown }) };
}

function parseInput(fields: JsonFields): InputSpec {
  const channels = fields.oneOf<1 | 3>("channels", [1, 3]);
  const [width, height] = [fields.integer("width", 1, 1024), fields.integer("height", 1, 1024)];
  const input: InputSpec = {
    width,
    height,
    channels,
    mean: fields.numbers("mean", channels, {}),
    std: fields.numbers("std", channels, { above: 0 }),
    ...(fields.has("form") ? { form: fields.oneOf("form", FORM_NAMES) } : {}),
    ...(fields.has("views")
      ? { views: fields.objects("views", 1, MAX_VIEWS).map((view) => parseView(view, width, height)) }
      : {}),
  };
  fields.refuseOthers();
  return input;
}

function parseView(fields: JsonFields, width: number, height: number): View {
  const shift = fields.has("shift") ? fields.numbers("shift", 2, {}) as [number, number] : undefined;
  const isInside = (pixels: number, extent: number) => Number.isInteger(pixels) && Math.abs(pixels) < extent;
  if (shift !== undefined && !(isInside(shift[0], width) && isInside(shift[1], height))) {
    throw fields.fail(
      "shift",
      shift,
      `must be two integers, less than the width ${width} and height ${height}`,
    );
  }
  const view: View = {
    ...(fields.has("mirrored") ? { mirrored: fields.boolean("mirrored") } : {}),
    ...(shift === undefined ? {} : { shift }),
    ...(fields.has("edge") ? { edge: fields.oneOf<Edge>("edge", ["black", "reflect"]) } : {}),
  };
  fields.refuseOthers();
  return view;
}

function parsePrecision(fields: JsonFields, layers: number): Pick<Manifest, "precision" | "calibration"> {
  const precision = fields.has("precision")
    ? fields.oneOf<"float32" | "int8">("precision", ["float32", "int8"])
    : undefined;
  if (precision === "int8") {
    return { precision, calibration: parseCalibration(fields.object("calibration"), layers) };
  }
  if (!fields.has("calibration")) return defined({ precision });
  throw fields.fail("calibration", fields.raw("calibration"), 'must be absent unless "precision" is "int8"');
}

function parseCalibration(fields: JsonFields, layers: number): Calibration {
  const calibration = {
    data: fields.text("data", 200),
    images: fields.integer("images", 1, 1e9),
    ranges: fields.numbers("ranges", layers, { min: 0, max: 1e6 }),
  };
  fields.refuseOthers();
  return calibration;
}

function parseEvaluation(fields: JsonFields): NonNullable<Manifest["evaluation"]> {
  const evaluation = {
    data: fields.text("data", 200),
    images: fields.integer("images", 1, 1e9),
    accuracy: fields.number("accuracy", { min: 0, max: 1 }),
  };
  fields.refuseOthers();
  return evaluation;
}

/** Checks what no single field shows: that the layers fit each other, the labels and the weights. */
function checkNetwork({ input, layers, labels, weights }: Manifest, where: string): ShapedLayer[] {
  const shaped = shapeLayers(input, layers, where);
  const output = shaped.at(-1)?.output ?? [];
  if (output.length !== 1 || output[0] !== labels.length) {
    throw new ModelError(
      "invalid_manifest",
      `${where}: the last layer has ${output.join("×")} outputs, but there are ${labels.length} labels;` +
        " it must be a vector with one output per label",
    );
  }
  const last = shaped.findLast(({ layer }) => layer.type !== "flatten")?.layer;
  const activation = last === undefined ? "linear" : activationOf(last);
  if (activation !== "linear") {
    throw new ModelError(
      "invalid_manifest",
      `${where}: the last layer has the activation ${activation}; it must be "linear" (logits)`,
    );
  }
  checkWeightsSize(parameterCount(shaped), weights, where);
  return shaped;
}

function activationOf(layer: Layer): string {
  if (layer.type === "activation") return layer.function;
  return ("activation" in layer ? layer.activation : undefined) ?? "linear";
}

function checkWeightsSize(parameters: number, { dtype, bytes }: WeightsSpec, where: string): void {
  const expected = parameters * (dtype === "float16" ? 2 : 4);
  if (bytes === expected) return;
  throw new ModelError(
    "invalid_manifest",
    `${where}: weights.bytes must be ${expected} (${parameters} numbers as ${dtype}); it is ${bytes}`,
  );
}
