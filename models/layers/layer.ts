/**
 * The vocabulary of layers: what a manifest can be built of.
 *
 * @module
 */
import { JsonFields } from "../../lib/json_fields.ts";

/** A height and a width in pixels; one number stands for both. */
export type Extent = number | readonly [height: number, width: number];

/** `same` pads with zeros so that ceil(extent / stride) positions come out, as TensorFlow means it. */
export type Padding = "same" | "valid";

/** What a layer with weights does last, in the same kernel. Others are layers of their own: `activation`. */
export type Activation = "linear" | "relu" | "relu6";

/**
 * What an `activation` layer does to each number; `softmax` to all channels of a position together.
 *
 * `gelu` is the exact one, with the error function (Hendrycks and Gimpel 2016); `swish` is x · sigmoid(x); `elu` has
 * α = 1.
 */
export type ActivationFunction =
  | "relu"
  | "relu6"
  | "leakyRelu"
  | "sigmoid"
  | "tanh"
  | "elu"
  | "gelu"
  | "swish"
  | "softmax";

/** A window that goes over a picture, and what it makes of each position. */
export interface Convolution {
  /** Of the kernel. */
  readonly kernel: Extent;
  /** From one position to the next. @default {1} */
  readonly stride?: Extent;
  /** From one element of the kernel to the next; other than 1 only with a stride of 1. @default {1} */
  readonly dilation?: Extent;
  /** Zeros around the picture. @default {"valid"} */
  readonly padding?: Padding;
  /** What is done last. @default {"linear"} */
  readonly activation?: Activation;
}

/** A window that goes over a picture, each channel on its own. */
export interface Pool {
  /** Of the window. */
  readonly size: Extent;
  /** From one position to the next. @default {size} */
  readonly stride?: Extent;
  /** Elements that are not there count neither for the maximum nor for the average. @default {"valid"} */
  readonly padding?: Padding;
}

/** What a layer does. */
export type Operation =
  | (Convolution & {
    readonly type: "conv2d";
    /** Channels that come out. */
    readonly filters: number;
  })
  | (Convolution & {
    readonly type: "depthwiseConv2d";
    /** Channels that come out for each that comes in, side by side. @default {1} */
    readonly multiplier?: number;
  })
  | (Pool & { readonly type: "maxPool2d" | "averagePool2d" })
  | {
    /** The average or the maximum of each channel, as a vector. */
    readonly type: "globalAveragePool2d" | "globalMaxPool2d";
  }
  | {
    /** Each channel times a trained number, plus another: a batch normalisation that no layer before it can take in. */
    readonly type: "affine";
  }
  | {
    readonly type: "activation";
    /** Which one. */
    readonly function: ActivationFunction;
    /** Of `leakyRelu`: what negative numbers are multiplied by, 0 to 1. @default {0.2} */
    readonly slope?: number;
  }
  | {
    /** Zeros around the picture, in pixels. */
    readonly type: "zeroPad2d";
    /** Above. @default {0} */
    readonly top?: number;
    /** Below. @default {0} */
    readonly bottom?: number;
    /** @default {0} */
    readonly left?: number;
    /** @default {0} */
    readonly right?: number;
  }
  | { readonly type: "flatten" }
  | {
    readonly type: "dense";
    /** Numbers that come out. */
    readonly units: number;
    /** What is done last. @default {"linear"} */
    readonly activation?: Activation;
  }
  | {
    /** Sum of inputs of the same shape, or their channels one after the other. */
    readonly type: "add" | "concatenate";
  };

/** One layer. Tensors are laid out NHWC; convolution kernels height, width, in, out; dense kernels in, out. */
export type Layer = Operation & {
  /**
   * Which layers it takes, by their position in the list, all before its own; -1 is the image. `add` and `concatenate` take
   * 2 to 64, all others one.
   *
   * @default {the layer before}
   */
  readonly from?: readonly number[];
};

/** The layers that take more than one input. */
export const MERGING: ReadonlySet<Layer["type"]> = new Set<Layer["type"]>(["add", "concatenate"]);

const MAX_MERGED = 64;

const FUNCTIONS: readonly ActivationFunction[] = [
  "relu",
  "relu6",
  "leakyRelu",
  "sigmoid",
  "tanh",
  "elu",
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

/** The names of all layers, as a manifest writes them. */
export const LAYER_TYPES: readonly Layer["type"][] = Object.keys(PARSERS) as Layer["type"][];

/**
 * Reads one layer of a manifest.
 *
 * @param fields The layer.
 * @param index Its position in the list.
 * @returns The layer, each field in its bounds; whether it fits its neighbours, `shapeLayers` says.
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
 * Spells an extent out.
 *
 * @param extent One number, or two.
 * @returns Height and width.
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
