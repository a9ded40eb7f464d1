/**
 * The layers that a manifest can declare.
 *
 * @module
 */
import { JsonFields } from "../../lib/json_fields.ts";

/** A height and a width in pixels; one number stands for both. */
export type Extent = number | readonly [height: number, width: number];

/** `same` pads with zeros so that the output has ceil(extent / stride) positions, as in TensorFlow. */
export type Padding = "same" | "valid";

/** Activation that a layer with weights applies in the same kernel. Others are `activation` layers. */
export type Activation = "linear" | "relu" | "relu6";

/**
 * Function of an `activation` layer, applied to each number; `softmax` to all channels of a position
 * together.
 *
 * `gelu` is the exact function, with the error function (Hendrycks and Gimpel 2016); `swish` is x ·
 * sigmoid(x); `elu` has α = 1; `selu` is that of Klambauer et al. (2017).
 */
export type ActivationFunction =
  | "relu"
  | "relu6"
  | "leakyRelu"
  | "sigmoid"
  | "tanh"
  | "elu"
  | "selu"
  | "gelu"
  | "swish"
  | "softmax";

/** Settings that all convolutions share. */
export interface Convolution {
  /** Size of the kernel, each side 1 to 1024. */
  readonly kernel: Extent;
  /** Distance between positions, 1 to 64. @default {1} */
  readonly stride?: Extent;
  /** Distance between elements of the kernel, 1 to 64; other than 1 only with a stride of 1. @default {1} */
  readonly dilation?: Extent;
  /** Whether the image is padded with zeros. @default {"valid"} */
  readonly padding?: Padding;
  /** Applied to the output. @default {"linear"} */
  readonly activation?: Activation;
}

/** Settings of a pooling layer, which treats each channel separately. */
export interface Pool {
  /** Size of the window, each side 1 to 1024. */
  readonly size: Extent;
  /** Distance between positions, 1 to 1024. @default {size} */
  readonly stride?: Extent;
  /** Padding counts neither for the maximum nor for the average. @default {"valid"} */
  readonly padding?: Padding;
}

/** The operation of a layer. */
export type Operation =
  | (Convolution & {
    readonly type: "conv2d";
    /** Output channels, 1 to 65,536. */
    readonly filters: number;
  })
  | (Convolution & {
    readonly type: "depthwiseConv2d";
    /** Output channels per input channel, side by side, 1 to 64. @default {1} */
    readonly multiplier?: number;
  })
  | (Pool & { readonly type: "maxPool2d" | "averagePool2d" })
  | {
    /** Average or maximum of each channel, as a vector. */
    readonly type: "globalAveragePool2d" | "globalMaxPool2d";
  }
  | {
    /** Scale and shift per channel: a batch normalisation that cannot be folded into the layer before it. */
    readonly type: "affine";
  }
  | {
    /** Brings the channels of each position, or a vector, to mean 0 and variance 1; then scale and shift per channel. */
    readonly type: "layerNormalization";
    /** Added to the variance, 0 to 1. @default {0.001} */
    readonly epsilon?: number;
  }
  | {
    readonly type: "activation";
    /** The function. */
    readonly function: ActivationFunction;
    /** Of `leakyRelu`: factor of negative numbers, 0 to 1. @default {0.2} */
    readonly slope?: number;
  }
  | {
    /** Pads the image with zeros: pixels per side, 0 to 1024. */
    readonly type: "zeroPad2d";
    /** @default {0} */
    readonly top?: number;
    /** @default {0} */
    readonly bottom?: number;
    /** @default {0} */
    readonly left?: number;
    /** @default {0} */
    readonly right?: number;
  }
  | { readonly type: "flatten" }
  | {
    readonly type: "dense";
    /** Number of outputs, 1 to 65,536. */
    readonly units: number;
    /** Applied to the output. @default {"linear"} */
    readonly activation?: Activation;
  }
  | {
    /** Sum of inputs of the same shape, or concatenation of their channels. */
    readonly type: "add" | "concatenate";
  };

/** One layer. Tensors are NHWC; convolution kernels are height, width, in, out; dense kernels are in, out. */
export type Layer = Operation & {
  /**
   * Its inputs: positions of earlier layers in the list; -1 is the image. `add` and `concatenate` have 2 to
   * 64 inputs, all others one.
   *
   * @default {the layer before}
   */
  readonly from?: readonly number[];
};

/** Of a layer normalisation, where it is not set. */
export const DEFAULT_EPSILON = 1e-3;

/** The layers with more than one input. */
export const MERGING: ReadonlySet<Layer["type"]> = new Set<Layer["type"]>(["add", "concatenate"]);

const MAX_MERGED = 64;

const FUNCTIONS: readonly ActivationFunction[] = [
  "relu",
  "relu6",
  "leakyRelu",
  "sigmoid",
  "tanh",
  "elu",
  "selu",
  "gelu",
  "swish",
  "softmax",
];

const PARSERS: { [Type in Layer["type"]]: (fields: JsonFields) => Operation } = {
  conv2d: (fields) => ({
    type: "conv2d",
    filters: fields.integer("filters", 1, 65_536),
    ...convolution(fields),
  }),
  depthwiseConv2d: (fields) => ({
    type: "depthwiseConv2d",
    ...optional(fields, "multiplier", (name) => fields.integer(name, 1, 64)),
    ...convolution(fields),
  }),
  maxPool2d: (fields) => ({ type: "maxPool2d", ...pool(fields) }),
  averagePool2d: (fields) => ({ type: "averagePool2d", ...pool(fields) }),
  globalAveragePool2d: () => ({ type: "globalAveragePool2d" }),
  globalMaxPool2d: () => ({ type: "globalMaxPool2d" }),
  affine: () => ({ type: "affine" }),
  layerNormalization: (fields) => ({
    type: "layerNormalization",
    ...optional(fields, "epsilon", (name) => fields.number(name, { min: 0, max: 1 })),
  }),
  activation: (fields) => ({
    type: "activation",
    function: fields.oneOf("function", FUNCTIONS),
    ...optional(fields, "slope", (name) => fields.number(name, { min: 0, max: 1 })),
  }),
  zeroPad2d: (fields) => ({
    type: "zeroPad2d",
    ...optional(fields, "top", margin),
    ...optional(fields, "bottom", margin),
    ...optional(fields, "left", margin),
    ...optional(fields, "right", margin),
  }),
  flatten: () => ({ type: "flatten" }),
  dense: (fields) => ({
    type: "dense",
    units: fields.integer("units", 1, 65_536),
    ...optional(fields, "activation", activation),
  }),
  add: () => ({ type: "add" }),
  concatenate: () => ({ type: "concatenate" }),
};

/** Names of all layers, as a manifest writes them. */
export const LAYER_TYPES: readonly Layer["type"][] = Object.keys(PARSERS) as Layer["type"][];

/**
 * Parses one layer of a manifest.
 *
 * @param fields The layer.
 * @param index Its position in the list.
 * @returns The layer, with every field checked; whether it fits its inputs is checked by `shapeLayers`.
 * @throws {ModelError} `invalid_manifest`
 */
export function parseLayer(fields: JsonFields, index: number): Layer {
  const type = fields.oneOf("type", LAYER_TYPES);
  const operation = PARSERS[type](fields);
  const inputs = MERGING.has(type) ? [2, MAX_MERGED] as const : [1, 1] as const;
  const from = fields.has("from") || MERGING.has(type)
    ? { from: fields.integers("from", inputs, [-1, index - 1]) }
    : {};
  fields.refuseOthers();
  return { ...operation, ...from };
}

/**
 * Expands an extent.
 *
 * @param extent One number, or two.
 */
export function heightAndWidth(extent: Extent): [height: number, width: number] {
  return typeof extent === "number" ? [extent, extent] : [...extent];
}

function convolution(fields: JsonFields): Convolution {
  return {
    kernel: fields.extent("kernel", 1, 1024),
    ...optional(fields, "stride", (name) => fields.extent(name, 1, 64)),
    ...optional(fields, "dilation", (name) => fields.extent(name, 1, 64)),
    ...optional(fields, "padding", padding),
    ...optional(fields, "activation", activation),
  };
}

function pool(fields: JsonFields): Pool {
  return {
    size: fields.extent("size", 1, 1024),
    ...optional(fields, "stride", (name) => fields.extent(name, 1, 1024)),
    ...optional(fields, "padding", padding),
  };
}

function padding(name: string, fields: JsonFields): Padding {
  return fields.oneOf<Padding>(name, ["same", "valid"]);
}

function activation(name: string, fields: JsonFields): Activation {
  return fields.oneOf<Activation>(name, ["linear", "relu", "relu6"]);
}

function margin(name: string, fields: JsonFields): number {
  return fields.integer(name, 0, 1024);
}

function optional<Name extends string, Value>(
  fields: JsonFields,
  name: Name,
  read: (name: Name, fields: JsonFields) => Value,
): { [Key in Name]?: Value } {
  return fields.has(name) ? { [name]: read(name, fields) } as { [Key in Name]: Value } : {};
}
