/**
 * Converts models of Keras to networks of this project.
 *
 * @module
 */
import type { ActivationFunction, Operation } from "../../models/layers/layer.ts";
import type { InputSpec } from "../../models/manifest.ts";
import { convertLayer } from "./converters.ts";
import { fold } from "./fold.ts";
import { type KerasGraph, type KerasLayer, readGraph } from "./graph.ts";
import { addNode, countUses, imageNode, type Network, type Node, nodesBefore, toNetwork } from "./network.ts";
import type { KerasSource } from "./source.ts";
import type { Numbers } from "./tensor.ts";
import { invalid } from "./invalid.ts";

/** How pixels are converted for the Keras model: `(pixel / scale − mean) / std`. */
export interface PixelForm {
  /**
   * Divisor of pixels of 0…255 (> 0).
   *
   * @default {1 for a model with a Rescaling or Normalization, else 255}
   */
  readonly scale?: number;
  /** Then subtracted; one number, or one per channel. @default {[0]} */
  readonly mean?: readonly number[];
  /** Then the divisor (> 0); one number, or one per channel. @default {[1]} */
  readonly std?: readonly number[];
  /** Height and width in pixels, for a model that accepts any size. */
  readonly size?: readonly [height: number, width: number];
}

/** A converted model. */
export interface Converted extends Network {
  /** The form of the images, including the normalisation at the beginning of the model. */
  readonly input: InputSpec;
  /** Number of classes. */
  readonly classes: number;
  /** Whether the model has its own normalisation, and so by default expects pixels of 0…255. */
  readonly normalises: boolean;
  /** Whether the outputs were sigmoids, each by itself: here their confidences add up to 1. */
  readonly independent: boolean;
}

/**
 * Converts a model: layers that are only used in training are removed, batch normalisation is folded, and the
 * final softmax is removed.
 *
 * A final sigmoid of one number becomes two classes: first the negative, then the positive one.
 *
 * @param source The opened model.
 * @param form How pixels are converted.
 * @throws {ModelError} `invalid`: names the layer or setting that is not supported, or what does not fit.
 */
export function convert(source: KerasSource, form: PixelForm = {}): Converted {
  const { where } = source;
  const graph = readGraph(source.architecture, where);
  const image = imageNode(inputShape(graph.inputShape, { ...form, ...sizeInside(graph, form) }, where));
  const start = graph.inputShape.length === 1 ? addNode("the input", { type: "flatten" }, [image]) : image;
  refuseColumns(graph, where);
  const nodes: Node[] = [];
  for (const layer of graph.layers) {
    const inputs = layer.inputs.map((index) => index < 0 ? start : nodes[index]!);
    nodes.push(convertOne(layer, inputs, source));
  }
  const last = nodes.at(-1)!;
  const logits = fold(withoutSoftmax(last, where));
  const normalises = graph.layers.some((layer) => NORMALISERS.includes(layer.className));
  const { output, input } = foldInput(logits, inputSpec(shapeOfImage(logits, where), form, normalises));
  checkFinite(output);
  if (output.shape.length !== 1) {
    throw invalid(
      `${where} has an output of ${output.shape.join("×")}; expected a vector with one number per class`,
    );
  }
  const independent = last.operation?.type === "activation" && last.operation.function === "sigmoid" &&
    last.shape.join() !== "1";
  return { ...toNetwork(output), input, classes: output.shape[0]!, normalises, independent };
}

/** Layers by which a model shows that it expects pixels of 0…255. */
const NORMALISERS = [
  "Rescaling",
  "Normalization",
  "TFOpLambda",
  "TrueDivide",
  "Divide",
  "Multiply",
  "Subtract",
];

/** Layers that compute along the last axis: the channels, or the columns of images without channels. */
const ALONG_LAST_AXIS = [
  "BatchNormalization",
  "BatchNormalizationV1",
  "BatchNormalizationV2",
  "Concatenate",
  "Dense",
  "LayerNormalization",
  "PReLU",
  "Softmax",
];

/** Here images always have channels, so what computes along the columns would compute something else. */
function refuseColumns({ inputShape, layers }: KerasGraph, where: string): void {
  const withoutChannels = new Set(inputShape.length === 2 ? [-1] : []);
  for (const [index, { className, path, config, inputs }] of layers.entries()) {
    if (!inputs.some((input) => withoutChannels.has(input))) continue;
    if (className === "Flatten" || className === "Reshape") continue;
    withoutChannels.add(index);
    if (!ALONG_LAST_AXIS.includes(className) && config.raw("activation") !== "softmax") continue;
    throw invalid(
      `${where}: ${className} "${
        path.join("/")
      }" computes along the columns of images without channels; expected a ` +
        "Flatten, or a Reshape to height × width × 1, before it",
    );
  }
}

/** The size that a model for images of any size gives them itself. */
function sizeInside({ inputShape: [height, width], layers }: KerasGraph, { size }: PixelForm): PixelForm {
  const resizing = layers.find(({ className }) => className === "Resizing" || className === "CenterCrop");
  if (size !== undefined || resizing === undefined || (height !== null && width !== null)) return {};
  const { config } = resizing;
  return { size: [height ?? config.integer("height", 1, 1024), width ?? config.integer("width", 1, 1024)] };
}

/** Of the only image: one that is resized has the size that it gets. */
function shapeOfImage(output: Node, where: string): [number, number, number] {
  if (output.operation === null) return output.shape as [number, number, number];
  const images = new Set(
    nodesBefore(output).flatMap(({ inputs }) => inputs).filter((node) => node.operation === null),
  );
  const [image, ...others] = images;
  if (image !== undefined && others.length === 0) return image.shape as [number, number, number];
  throw invalid(`${where} uses the image in ${images.size} sizes; expected one`);
}

function convertOne(
  { path, className, config, constants, constantFirst }: KerasLayer,
  inputs: readonly Node[],
  source: KerasSource,
): Node {
  const name = `${source.where}: ${className} "${path.join("/")}"`;
  return convertLayer(className, {
    name,
    config,
    inputs,
    constants,
    constantFirst,
    weights(...roles) {
      const tensors = source.weights(path);
      if (tensors.length === roles.length) return tensors;
      throw invalid(`${name} has ${tensors.length} tensors; expected ${roles.join(", ")}`);
    },
  });
}

/** Images without channels are grey; Keras allows them before a Flatten or Reshape. */
function inputShape(
  shape: readonly (number | null)[],
  form: PixelForm,
  where: string,
): [number, number, number] {
  if (shape.length === 1 && shape[0] !== null) return flatShape(shape[0]!, form, where);
  const [height, width, channels = 1] = shape;
  if ((shape.length !== 2 && shape.length !== 3) || (channels !== 1 && channels !== 3)) {
    const shown = shape.map((extent) => extent ?? "any").join("×");
    throw invalid(`${where} has an input of ${shown}; expected images: height × width × 1 or 3 channels`);
  }
  const [rows, columns] = form.size ?? [height, width];
  if (typeof rows !== "number" || typeof columns !== "number") {
    throw invalid(`${where} accepts images of any size; choose one with --height and --width`);
  }
  if ((height ?? rows) === rows && (width ?? columns) === columns) return [rows, columns, channels];
  throw invalid(`${where} needs images of ${height}×${width}; it does not accept ${rows}×${columns}`);
}

/** A vector of pixels, row by row: 784 are 28×28 grey ones, 3,072 are 32×32 RGB ones. */
function flatShape(length: number, { size }: PixelForm, where: string): [number, number, number] {
  for (const channels of [1, 3]) {
    const side = Math.sqrt(length / channels);
    const [height, width] = size ?? [side, side];
    if (Number.isInteger(height) && height * width * channels === length) return [height, width, channels];
  }
  throw invalid(
    `${where} has an input of ${length} numbers; expected images, or the pixels of square ones: --height and --width ` +
      "for others",
  );
}

function inputSpec(
  [height, width, channels]: readonly [number, number, number],
  form: PixelForm,
  normalises: boolean,
): InputSpec {
  // Manifests have pixels from 0 (black) to 1 (white), which are already divided by 255.
  const unit = (form.scale ?? (normalises ? 1 : 255)) / 255;
  const each = (values: readonly number[]) => {
    if (values.length === channels) return values;
    if (values.length === 1) return Array.from({ length: channels }, () => values[0]!);
    throw invalid(
      `There are ${values.length} numbers for ${channels} channels; expected one, or one per channel`,
    );
  };
  return {
    height,
    width,
    channels: channels as 1 | 3,
    mean: each(form.mean ?? [0]).map((value) => value * unit),
    std: each(form.std ?? [1]).map((value) => value * unit),
  };
}

function withoutSoftmax(output: Node, where: string): Node {
  const { operation } = output;
  const pooled = beforePooling(output).operation;
  if (pooled?.type === "activation" && pooled !== operation && BOUNDED.includes(pooled.function)) {
    throw invalid(
      `${where} pools the ${pooled.function} of each position; expected a vector of logits, their softmax or their sigmoid`,
    );
  }
  const last = output.inputs[0];
  if (operation?.type !== "activation") {
    return output.shape.join() === "1" ? asTwoClasses(output, where) : output;
  }
  if (operation.function === "softmax" && output.shape.length === 1) return last!;
  if (operation.function === "sigmoid" && output.shape.length === 1) {
    return output.shape[0] === 1 ? asTwoClasses(last!, where) : last!;
  }
  throw invalid(
    `${where} has an output of ${
      output.shape.join("×")
    } with ${operation.function}; expected a vector of logits, their` +
      " softmax or their sigmoid",
  );
}

/** Functions whose numbers are no logits. */
const BOUNDED: readonly ActivationFunction[] = ["softmax", "sigmoid"];

const POOLING: ReadonlySet<string | undefined> = new Set<Operation["type"]>([
  "averagePool2d",
  "maxPool2d",
  "globalAveragePool2d",
  "globalMaxPool2d",
  "flatten",
]);

/** The layer whose numbers an output averages, selects or only arranges. */
function beforePooling(node: Node): Node {
  return POOLING.has(node.operation?.type) ? beforePooling(node.inputs[0]!) : node;
}

/** softmax(0, z) = (1 − sigmoid(z), sigmoid(z)). */
function asTwoClasses(last: Node, where: string): Node {
  if (last.operation?.type !== "dense") {
    throw invalid(
      `${where} has one output that is not of a Dense layer; expected Dense(1), with or without a sigmoid`,
    );
  }
  const [kernel, bias] = last.tensors;
  const widen = (values: Numbers) =>
    Float32Array.from({ length: 2 * values.length }, (_, i) => i % 2 === 0 ? 0 : values[i >> 1]!);
  return {
    ...last,
    operation: { type: "dense", units: 2 },
    tensors: [widen(kernel!), widen(bias!)],
    shape: [2],
  };
}

/** A normalisation that is the only user of the image becomes part of the form of the images. */
function foldInput(output: Node, input: InputSpec): { output: Node; input: InputSpec } {
  const nodes = nodesBefore(output);
  const first = nodes.find(({ operation, inputs }) =>
    operation?.type === "affine" && inputs[0]?.operation === null
  );
  const image = first?.inputs[0];
  if (first === undefined || first === output || countUses(nodes).get(image!) !== 1) return { output, input };
  const [scale, shift] = first.tensors;
  if (!scale!.every((value) => value > 0)) return { output, input };
  for (const node of nodes) node.inputs = node.inputs.map((other) => other === first ? image! : other);
  const mean = input.mean.map((value, i) => value - input.std[i]! * shift![i]! / scale![i]!);
  const std = input.std.map((value, i) => value / scale![i]!);
  return foldInput(output, { ...input, mean, std });
}

function checkFinite(output: Node): void {
  const wrong = nodesBefore(output).find(({ tensors }) =>
    !tensors.every((tensor) => tensor.every(Number.isFinite))
  );
  if (wrong === undefined) return;
  throw invalid(`${wrong.name} has weights that are not finite numbers`);
}
