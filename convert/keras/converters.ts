/**
 * Converters from layers of Keras to layers of manifests.
 *
 * @module
 */
import type { JsonFields } from "../../lib/json_fields.ts";
import type { ActivationFunction, Extent, Operation, Padding } from "../../models/layers/layer.ts";
import { addNode, constant, imageNode, type Node } from "./network.ts";
import type { Tensor } from "./tensor.ts";
import { invalid } from "./invalid.ts";
import { affine, arithmetic, batchNormalization, normalization, rescaling } from "./scaling.ts";
import { channelsLast, lastAxis, refuseUnless, type Step } from "./step.ts";

/** Returns the output of a layer. */
type Converter = (step: Step, x: Node) => Node;

/** Layers that only have an effect in training. */
const TRAINING_ONLY = [
  "InputLayer",
  "Dropout",
  "SpatialDropout2D",
  "AlphaDropout",
  "GaussianDropout",
  "GaussianNoise",
  "ActivityRegularization",
  "Identity",
  "RandomFlip",
  "RandomRotation",
  "RandomZoom",
  "RandomTranslation",
  "RandomContrast",
  "RandomBrightness",
];

const CONVERTERS: Readonly<Record<string, Converter>> = {
  ...Object.fromEntries(TRAINING_ONLY.map((className) => [className, (_: Step, x: Node) => x])),
  Conv2D: convolution,
  DepthwiseConv2D: depthwise,
  SeparableConv2D: separable,
  BatchNormalization: batchNormalization,
  BatchNormalizationV1: batchNormalization,
  BatchNormalizationV2: batchNormalization,
  LayerNormalization: layerNormalization,
  PReLU: prelu,
  TFOpLambda: (step, x) => arithmetic(step, x, String(step.config.raw("function") ?? "")),
  TrueDivide: (step, x) => arithmetic(step, x, "math.truediv"),
  Divide: (step, x) => arithmetic(step, x, "math.truediv"),
  Multiply: (step, x) => arithmetic(step, x, "math.multiply"),
  Subtract: (step, x) => arithmetic(step, x, "math.subtract"),
  Resizing: resizing,
  CenterCrop: resizing,
  Normalization: normalization,
  Rescaling: rescaling,
  MaxPooling2D: (step, x) => pooling(step, x, "maxPool2d"),
  AveragePooling2D: (step, x) => pooling(step, x, "averagePool2d"),
  GlobalMaxPooling2D: (step, x) => globalPooling(step, x, "globalMaxPool2d"),
  GlobalAveragePooling2D: (step, x) => globalPooling(step, x, "globalAveragePool2d"),
  Dense: dense,
  Flatten: (step, x) => (channelsLast(step), flatten(step, x)),
  Reshape: reshape,
  ZeroPadding2D: zeroPadding,
  Activation: (step, x) => activated(step, x, step.config.raw("activation")),
  ReLU: (step, x) => relu(step, x, step.config),
  LeakyReLU: (step, x) => leakyRelu(step, x, step.config),
  ELU: (step, x) => (refuseUnless(step, "alpha", 1), activation(step, x, "elu")),
  Softmax: softmax,
  Add: (step, x) => step.inputs.length > 1 ? merge(step, "add") : arithmetic(step, x, "math.add"),
  Concatenate: concatenate,
};

/** The supported classes of Keras. */
export const KERAS_LAYERS: readonly string[] = Object.keys(CONVERTERS);

/**
 * Converts one layer.
 *
 * @param className Its class in Keras.
 * @param step The layer.
 * @returns Its output, which may be its input.
 * @throws {ModelError} `invalid` for a class or a setting that is not supported.
 */
export function convertLayer(className: string, step: Step): Node {
  const converter = Object.hasOwn(CONVERTERS, className) ? CONVERTERS[className] : undefined;
  if (converter !== undefined) return converter(step, step.inputs[0]!);
  throw invalid(`${step.name} is not supported; supported are ${KERAS_LAYERS.join(", ")}`);
}

function convolution(step: Step, x: Node): Node {
  refuseUnless(step, "groups", 1);
  const { config } = step;
  const filters = config.integer("filters", 1, 65_536);
  const [kernel, bias] = kernelAndBias(step, [filters], "kernel");
  const operation = {
    type: "conv2d",
    filters,
    kernel: square(config.extent("kernel_size", 1, 1024)),
    ...window(step),
  } as const;
  return activatedNode(step, operation, x, [kernel, bias]);
}

function depthwise(step: Step, x: Node): Node {
  const operation = depthwiseOperation(step);
  const filters = (x.shape[2] ?? 0) * operation.multiplier;
  const [kernel, bias] = kernelAndBias(step, [filters], "depthwise kernel");
  return activatedNode(step, operation, x, [kernel, bias]);
}

function separable(step: Step, x: Node): Node {
  const operation = depthwiseOperation(step);
  const between = (x.shape[2] ?? 0) * operation.multiplier;
  const filters = step.config.integer("filters", 1, 65_536);
  const biased = hasBias(step);
  const [first, second, bias = constant(0, [filters])] = step.weights(
    "depthwise kernel",
    "pointwise kernel",
    ...(biased ? ["bias"] : []),
  );
  const spatial = addNode(step.name, operation, [x], [first!, constant(0, [between])]);
  return activatedNode(step, { type: "conv2d", filters, kernel: 1 }, spatial, [second!, bias]);
}

function depthwiseOperation(step: Step): Operation & { type: "depthwiseConv2d"; multiplier: number } {
  const { config } = step;
  // Set even if it is 1: the shape of the bias depends on it.
  const multiplier = config.has("depth_multiplier") ? config.integer("depth_multiplier", 1, 64) : 1;
  return {
    type: "depthwiseConv2d",
    kernel: square(config.extent("kernel_size", 1, 1024)),
    multiplier,
    ...window(step),
  };
}

function dense(step: Step, x: Node): Node {
  const units = step.config.integer("units", 1, 65_536);
  const [kernel, bias] = kernelAndBias(step, [units], "kernel");
  if (x.shape.length === 1) return activatedNode(step, { type: "dense", units }, x, [kernel, bias]);
  // Keras applies a dense layer to each position of an image: a convolution of one pixel.
  const each = { shape: [1, 1, ...kernel.shape], data: kernel.data };
  return activatedNode(step, { type: "conv2d", filters: units, kernel: 1 }, x, [each, bias]);
}

function kernelAndBias(
  step: Step,
  biasShape: readonly number[],
  role: string,
): [kernel: Tensor, bias: Tensor] {
  const [kernel, bias = constant(0, biasShape)] = step.weights(role, ...(hasBias(step) ? ["bias"] : []));
  return [kernel!, bias];
}

function hasBias({ config }: Step): boolean {
  return config.raw("use_bias") !== false;
}

function window(step: Step): { stride?: Extent; dilation?: Extent; padding?: Padding } {
  channelsLast(step);
  const { config } = step;
  return {
    ...unlessOne("stride", config, "strides"),
    ...unlessOne("dilation", config, "dilation_rate"),
    ...paddingOf(config),
  };
}

function unlessOne<Name extends string>(name: Name, config: JsonFields, setting: string) {
  const extent = config.has(setting) ? square(config.extent(setting, 1, 64)) : 1;
  return extent === 1 ? {} : { [name]: extent } as { [Key in Name]: Extent };
}

function pooling(step: Step, x: Node, type: "maxPool2d" | "averagePool2d"): Node {
  channelsLast(step);
  const { config } = step;
  const extent = square(config.extent("pool_size", 1, 1024));
  const stride = config.has("strides") && config.raw("strides") !== null
    ? { stride: square(config.extent("strides", 1, 1024)) }
    : {};
  return addNode(step.name, { type, size: extent, ...stride, ...paddingOf(config) }, [x]);
}

function paddingOf(config: JsonFields): { padding?: "same" } {
  const padding = config.has("padding") ? config.oneOf<Padding>("padding", ["same", "valid"]) : "valid";
  return padding === "same" ? { padding } : {};
}

function square(extent: Extent): Extent {
  return typeof extent !== "number" && extent[0] === extent[1] ? extent[0] : extent;
}

function globalPooling(step: Step, x: Node, type: "globalMaxPool2d" | "globalAveragePool2d"): Node {
  channelsLast(step);
  if (step.config.raw("keepdims") !== true) return addNode(step.name, { type }, [x]);
  const [height = 1, width = 1] = x.shape;
  const pool = type === "globalMaxPool2d" ? "maxPool2d" : "averagePool2d";
  return addNode(step.name, { type: pool, size: [height, width] }, [x]);
}

function layerNormalization(step: Step, x: Node): Node {
  const { config } = step;
  lastAxis(step, x);
  refuseUnless(step, "rms_scaling", false);
  const [scaled, centred] = [config.raw("scale") !== false, config.raw("center") !== false];
  const weights = step.weights(...scaled ? ["gamma"] : [], ...centred ? ["beta"] : []);
  const channels = [x.shape.at(-1)!];
  const tensors = [
    scaled ? weights[0]! : constant(1, channels),
    centred ? weights.at(-1)! : constant(0, channels),
  ];
  const epsilon = config.has("epsilon") ? config.number("epsilon", { min: 0, max: 1 }) : 1e-3;
  return addNode(step.name, { type: "layerNormalization", epsilon }, [x], tensors);
}

/** relu(x) − α · relu(−x), with an α per channel. */
function prelu(step: Step, x: Node): Node {
  const [alpha] = step.weights("alpha");
  const [channels, ones] = [x.shape.at(-1)!, new Float64Array(x.shape.at(-1)!).fill(1)];
  if (alpha!.data.length !== channels || alpha!.shape.at(-1) !== channels) {
    throw invalid(`${step.name} has an alpha per position; expected one per channel: shared_axes=[1, 2]`);
  }
  const negative = activation(step, affine(step, x, ones.map(() => -1), ones.map(() => 0)), "relu");
  const scaled = affine(step, negative, Float64Array.from(alpha!.data, (value) => -value), ones.map(() => 0));
  return addNode(step.name, { type: "add" }, [activation(step, x, "relu"), scaled]);
}

/** At the beginning the image itself is taken in the size that it would get; a scaling before that comes after it. */
function resizing(step: Step, x: Node): Node {
  const [height, width] = ["height", "width"].map((name) => step.config.integer(name, 1, 1024));
  if (x.shape[0] === height && x.shape[1] === width) return x;
  const image = imageNode([height!, width!, x.shape[2]!]);
  if (x.operation === null) return image;
  const [before] = x.inputs;
  if (x.operation.type === "affine" && before?.operation === null) {
    return { ...x, inputs: [image], shape: image.shape };
  }
  throw invalid(`${step.name} must be the first layer: images are resized before the network`);
}

function flatten(step: Step, x: Node): Node {
  return x.shape.length === 1 ? x : addNode(step.name, { type: "flatten" }, [x]);
}

function reshape(step: Step, x: Node): Node {
  const target = step.config.list("target_shape", 0, 8);
  if (target.length === 1) return flatten(step, x);
  if (target.join() === x.shape.join()) return x;
  throw step.config.fail("target_shape", target, `must flatten its input of ${x.shape.join("×")}`);
}

function zeroPadding(step: Step, x: Node): Node {
  channelsLast(step);
  const padding = step.config.raw("padding");
  const [rows, columns] = Array.isArray(padding) ? padding : [padding, padding];
  const margins = [rows, columns].flatMap((both) => Array.isArray(both) ? both : [both, both]);
  if (
    margins.length !== 4 ||
    !margins.every((margin) => Number.isInteger(margin) && margin >= 0 && margin <= 1024)
  ) {
    throw step.config.fail("padding", padding, "must be numbers of pixels up to 1024");
  }
  const [top, bottom, left, right] = margins;
  return addNode(step.name, { type: "zeroPad2d", top, bottom, left, right }, [x]);
}

function merge(step: Step, type: "add" | "concatenate"): Node {
  if (step.inputs.length === 1) return step.inputs[0]!;
  return addNode(step.name, { type }, step.inputs);
}

function concatenate(step: Step, x: Node): Node {
  lastAxis(step, x);
  return merge(step, "concatenate");
}

function softmax(step: Step, x: Node): Node {
  lastAxis(step, x);
  return activation(step, x, "softmax");
}

/** The supported functions by their names in Keras. */
const FUNCTIONS: Readonly<Record<string, ActivationFunction>> = {
  relu: "relu",
  relu6: "relu6",
  leaky_relu: "leakyRelu",
  sigmoid: "sigmoid",
  tanh: "tanh",
  elu: "elu",
  selu: "selu",
  gelu: "gelu",
  swish: "swish",
  silu: "swish",
  softmax: "softmax",
};

/** A layer with weights, and the activation of its settings. */
function activatedNode(step: Step, operation: Operation, x: Node, tensors: readonly Tensor[]): Node {
  return activated(step, addNode(step.name, operation, [x], tensors), step.config.raw("activation"));
}

/** Applies an `activation`: a name, or since Keras 2.13 an object with a name or with a layer. */
function activated(step: Step, x: Node, value: unknown): Node {
  if (value === undefined || value === null || value === "linear") return x;
  if (typeof value === "string" && Object.hasOwn(FUNCTIONS, value)) {
    return activation(step, x, FUNCTIONS[value]!);
  }
  if (typeof value === "object") {
    const inner = step.config.object("activation");
    const className = inner.text("class_name", 200);
    if (className === "function") return activated(step, x, inner.raw("config"));
    if (className === "ReLU") return relu(step, x, inner.object("config"));
    if (className === "LeakyReLU") return leakyRelu(step, x, inner.object("config"));
  }
  throw step.config.fail("activation", value, `must be one of linear, ${Object.keys(FUNCTIONS).join(", ")}`);
}

function activation(step: Step, x: Node, name: ActivationFunction, slope?: number): Node {
  const operation = { type: "activation", function: name, ...(slope !== undefined && { slope }) } as const;
  return addNode(step.name, operation, [x]);
}

function relu(step: Step, x: Node, config: JsonFields): Node {
  const [slope, threshold] = ["negative_slope", "threshold"].map((name) => config.raw(name) ?? 0);
  const max = config.raw("max_value") ?? null;
  if (threshold !== 0) throw config.fail("threshold", threshold, "must be 0");
  if (typeof slope === "number" && slope > 0 && max === null) return activation(step, x, "leakyRelu", slope);
  if (slope !== 0) throw config.fail("negative_slope", slope, "must be 0 if there is a max_value");
  if (max !== null && max !== 6) throw config.fail("max_value", max, "must be 6 or null");
  return activation(step, x, max === 6 ? "relu6" : "relu");
}

function leakyRelu(step: Step, x: Node, config: JsonFields): Node {
  const setting = config.has("negative_slope") ? "negative_slope" : "alpha";
  const slope = config.has(setting) ? config.number(setting, { min: 0, max: 1 }) : 0.3;
  return activation(step, x, "leakyRelu", slope);
}
