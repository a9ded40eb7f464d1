/**
 * What a model folder says about itself: `manifest.json`, beside `weights.bin`, `card.md` and `samples/`.
 *
 * A folder is a model: whatever has a valid manifest is served under its {@linkcode Manifest.name}. The architecture is
 * data, so a new model needs no code.
 *
 * @module
 */
import { ModelError } from "./errors.ts";
import { JsonFields } from "./json_fields.ts";
import { parameterCount, shapeLayers } from "./layers.ts";

/** A trained classifier, as declared by its `manifest.json`. */
export interface Manifest {
  /** Format of this file; 1. */
  readonly format: 1;
  /** The name it is asked by: `[a-z0-9][a-z0-9-]{0,62}`, equal to the name of its folder. */
  readonly name: string;
  /** Changes whenever the weights or the architecture change, e.g. `"1.0.0"`. */
  readonly version: string;
  /** One line for people. */
  readonly description: string;
  /** The classes, in the order of the outputs: 2 to 10,000, no two the same. */
  readonly labels: readonly string[];
  /** What the first layer expects. */
  readonly input: InputSpec;
  /** The layers, first to last; the last one has as many outputs as there are labels and no activation (logits). */
  readonly layers: readonly Layer[];
  /** Divides the logits before the softmax, so that confidences are calibrated (> 0). @default {1} */
  readonly temperature?: number;
  /** Where the trained numbers are. */
  readonly weights: WeightsSpec;
  /** What was measured, on data never used for a choice; shown by `imagebus models`. */
  readonly evaluation?: {
    /** The data, e.g. `"Fashion-MNIST test, 10,000 images"`. */
    readonly data: string;
    /** How many images. */
    readonly images: number;
    /** Share of right answers, 0 to 1. */
    readonly accuracy: number;
  };
}

/** The form that every image is brought into before the first layer. */
export interface InputSpec {
  /** In pixels, 1 to 1,024. */
  readonly width: number;
  /** In pixels, 1 to 1,024. */
  readonly height: number;
  /** 1 is grey (ITU-R BT.601 luma), 3 is RGB. */
  readonly channels: 1 | 3;
  /** For each channel: subtracted from the value scaled to 0…1. */
  readonly mean: readonly number[];
  /** For each channel: then divided by (> 0). */
  readonly std: readonly number[];
}

/** What a convolution or a dense layer does last. */
export type Activation = "linear" | "relu";

/** One layer. Tensors are laid out NHWC; convolution kernels height, width, in, out; dense kernels in, out. */
export type Layer =
  | {
    readonly type: "conv2d";
    /** Channels that come out. */
    readonly filters: number;
    /** Height and width of the kernel, in pixels. */
    readonly kernel: number;
    /** In pixels, both ways. @default {1} */
    readonly stride?: number;
    /** As TensorFlow means it. @default {"valid"} */
    readonly padding?: "same" | "valid";
    /** @default {"linear"} */
    readonly activation?: Activation;
  }
  | {
    readonly type: "maxPool2d";
    /** Height and width of the window, in pixels. */
    readonly size: number;
    /** In pixels, both ways. @default {size} */
    readonly stride?: number;
  }
  | { readonly type: "flatten" }
  | {
    readonly type: "dense";
    /** Numbers that come out. */
    readonly units: number;
    /** @default {"linear"} */
    readonly activation?: Activation;
  };

/** The trained numbers: one file with all tensors one after the other, in the order of the layers (kernel, then bias). */
export interface WeightsSpec {
  /** File name inside the folder; no path. */
  readonly file: string;
  /** How each number is stored, little-endian. */
  readonly dtype: "float32" | "float16";
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
}

const MAX_WEIGHTS_BYTES = 1_073_741_824;

/**
 * Checks everything a manifest says, so that whoever holds a {@linkcode Manifest} need check nothing again.
 *
 * @param json What JSON.parse gave.
 * @param where The file it came from, for messages.
 * @returns The manifest.
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
 *   description: "Tells light pictures from dark ones",
 *   labels: ["dark", "light"],
 *   input,
 *   layers: [{ type: "flatten" }, { type: "dense", units: 2 }],
 *   weights: { file: "weights.bin", dtype: "float32", bytes: 40, sha256: "0".repeat(64) },
 * }, "light/manifest.json");
 * console.log(manifest.labels);
 * ```
 */
export function parseManifest(json: unknown, where: string): Manifest {
  const fields = new JsonFields(json, "", where);
  const evaluation = fields.has("evaluation") ? parseEvaluation(fields.object("evaluation")) : undefined;
  const temperature = fields.has("temperature") ? fields.number("temperature", { above: 0 }) : undefined;
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
    layers: fields.objects("layers", 1, 200).map(parseLayer),
    ...(temperature === undefined ? {} : { temperature }),
    weights: parseWeights(fields.object("weights")),
    ...(evaluation === undefined ? {} : { evaluation }),
  };
  fields.refuseOthers();
  checkNetwork(manifest, where);
  return manifest;
}

function parseInput(fields: JsonFields): InputSpec {
  const channels = fields.oneOf<1 | 3>("channels", [1, 3]);
  const input: InputSpec = {
    width: fields.integer("width", 1, 1024),
    height: fields.integer("height", 1, 1024),
    channels,
    mean: fields.numbers("mean", channels, {}),
    std: fields.numbers("std", channels, { above: 0 }),
  };
  fields.refuseOthers();
  return input;
}

const LAYER_PARSERS: { [Type in Layer["type"]]: (fields: JsonFields) => Layer } = {
  conv2d: (fields) => ({
    type: "conv2d",
    filters: fields.integer("filters", 1, 4096),
    kernel: fields.integer("kernel", 1, 31),
    ...optionalStride(fields),
    ...(fields.has("padding")
      ? { padding: fields.oneOf<"same" | "valid">("padding", ["same", "valid"]) }
      : {}),
    ...optionalActivation(fields),
  }),
  maxPool2d: (fields) => ({
    type: "maxPool2d",
    size: fields.integer("size", 1, 64),
    ...optionalStride(fields),
  }),
  flatten: () => ({ type: "flatten" }),
  dense: (fields) => ({
    type: "dense",
    units: fields.integer("units", 1, 65_536),
    ...optionalActivation(fields),
  }),
};

function parseLayer(fields: JsonFields): Layer {
  const type = fields.oneOf("type", Object.keys(LAYER_PARSERS) as Layer["type"][]);
  const layer = LAYER_PARSERS[type](fields);
  fields.refuseOthers();
  return layer;
}

function optionalStride(fields: JsonFields): { stride?: number } {
  return fields.has("stride") ? { stride: fields.integer("stride", 1, 64) } : {};
}

function optionalActivation(fields: JsonFields): { activation?: Activation } {
  return fields.has("activation")
    ? { activation: fields.oneOf<Activation>("activation", ["linear", "relu"]) }
    : {};
}

function parseWeights(fields: JsonFields): WeightsSpec {
  const weights: WeightsSpec = {
    file: fields.pattern(
      "file",
      /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/,
      "a file name inside the folder, without a path",
    ),
    dtype: fields.oneOf<"float32" | "float16">("dtype", ["float32", "float16"]),
    bytes: fields.integer("bytes", 1, MAX_WEIGHTS_BYTES),
    sha256: fields.pattern("sha256", /^[0-9a-f]{64}$/, "64 hexadecimal digits in lower case"),
  };
  fields.refuseOthers();
  return weights;
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

/** What no single field shows: that the layers fit each other, the labels and the weights. */
function checkNetwork({ input, layers, labels, weights }: Manifest, where: string): void {
  const shaped = shapeLayers(input, layers, where);
  const output = shaped.at(-1)?.output ?? [];
  if (output.length !== 1 || output[0] !== labels.length) {
    throw new ModelError(
      "invalid_manifest",
      `${where}: the last layer gives ${output.join("×")} numbers, but there are ${labels.length} labels;` +
        " both must be the same, as a vector",
    );
  }
  const last = shaped.findLast((layer) => layer.tensors.length > 0)?.layer;
  if (last !== undefined && "activation" in last && last.activation !== "linear") {
    throw new ModelError(
      "invalid_manifest",
      `${where}: the last layer with weights has the activation ${last.activation}; it must be "linear" (logits)`,
    );
  }
  checkWeightsSize(parameterCount(shaped), weights, where);
}

function checkWeightsSize(parameters: number, { dtype, bytes }: WeightsSpec, where: string): void {
  const expected = parameters * (dtype === "float16" ? 2 : 4);
  if (bytes === expected) return;
  throw new ModelError(
    "invalid_manifest",
    `${where}: weights.bytes must be ${expected} (${parameters} numbers as ${dtype}); it is ${bytes}`,
  );
}
