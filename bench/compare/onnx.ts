/**
 * Writes a network as an ONNX file, for other runtimes to run: convolutions, pooling and dense layers in a row.
 *
 * @module
 */
import type { ModelFiles } from "../../models/classifier.ts";
import { concatBytes } from "../../lib/bytes.ts";
import { heightAndWidth, type Layer } from "../../models/layers/layer.ts";
import type { Shape } from "../../models/layers/layer_shape.ts";
import { type ShapedLayer, shapeLayers, size } from "../../models/layers/layers.ts";
import { toFloat32 } from "../../models/layers/network_plan.ts";
import { bytesField, floats, integer, message, text } from "./protobuf.ts";

const IR_VERSION = 8;
const OPERATOR_SET = 13;
const FLOAT = 1;
const INT = 2;
const INTS = 7;

/** What has been written so far. */
interface Graph {
  readonly nodes: Uint8Array[];
  readonly constants: Uint8Array[];
  /** Name of the last output. */
  last: string;
  /** Its shape: height, width, channels; or one number. */
  shape: Shape;
}

/**
 * Converts a network; images come as N × channels × height × width, logits go out as N × classes.
 *
 * @param model With layers of the types conv2d, maxPool2d, flatten and dense, without strides or dilation.
 * @throws {Error} For other layers.
 */
export function toOnnx(
  { manifest: { name, input, layers, labels, weights: { dtype } }, weights }: ModelFiles,
) {
  const { height, width, channels } = input;
  const parameters = toFloat32(weights, dtype);
  const graph: Graph = { nodes: [], constants: [], last: "image", shape: [height, width, channels] };
  let end = 0;
  for (const [index, shaped] of shapeLayers(input, layers, name).entries()) {
    const tensors = shaped.tensors.map((shape) => parameters.subarray(end, end += size(shape)));
    addLayer(graph, shaped, `layer${index}`, tensors);
  }
  graph.nodes.push(node("Identity", [graph.last], "logits"));
  const bytes = message(7, [
    ...graph.nodes.map((node) => message(1, [node])),
    text(2, name),
    ...graph.constants.map((constant) => message(5, [constant])),
    message(11, valueInfo("image", ["N", channels, height, width])),
    message(12, valueInfo("logits", ["N", labels.length])),
  ]);
  return concatBytes([integer(1, IR_VERSION), message(8, [text(1, ""), integer(2, OPERATOR_SET)]), bytes]);
}

function addLayer(graph: Graph, { layer, output }: ShapedLayer, name: string, tensors: Float32Array[]): void {
  const next = (type: string, inputs: readonly string[], attributes: Attributes = {}) => {
    graph.nodes.push(node(type, [graph.last, ...inputs], name, attributes));
    graph.last = name;
  };
  const constant = (suffix: string, shape: Shape, values: Float32Array) => {
    graph.constants.push(tensor(`${name}.${suffix}`, shape, values));
    return `${name}.${suffix}`;
  };
  const [kernel, bias] = tensors as [Float32Array, Float32Array];
  if (layer.type === "conv2d") {
    const [high, wide] = heightAndWidth(layer.kernel);
    const depth = graph.shape[2]!;
    const weights = constant(
      "weights",
      [layer.filters, depth, high, wide],
      outputFirst(kernel, layer.filters, depth),
    );
    next("Conv", [weights, constant("bias", [layer.filters], bias)], { kernel_shape: [high, wide] });
  } else if (layer.type === "maxPool2d") {
    next("MaxPool", [], { kernel_shape: heightAndWidth(layer.size), strides: heightAndWidth(layer.size) });
  } else if (layer.type === "flatten") {
    // The rows of the next layer are put in the order of ONNX.
    return next("Flatten", []);
  } else if (layer.type === "dense") {
    const inputs = size(graph.shape);
    const weights = constant(
      "weights",
      [inputs, layer.units],
      channelsFirst(kernel, graph.shape, layer.units),
    );
    next("Gemm", [weights, constant("bias", [layer.units], bias)]);
  } else throw new Error(`Cannot write a layer of type ${layer.type} as ONNX`);
  graph.shape = output;
  if (hasRelu(layer)) {
    graph.nodes.push(node("Relu", [name], `${name}.relu`));
    graph.last = `${name}.relu`;
  }
}

function hasRelu(layer: Layer): boolean {
  return "activation" in layer && layer.activation === "relu";
}

/** Height × width × in × out becomes out × in × height × width. */
function outputFirst(kernel: Float32Array, filters: number, depth: number): Float32Array {
  const area = kernel.length / filters / depth;
  const turned = new Float32Array(kernel.length);
  for (let at = 0; at < kernel.length; at++) {
    const [place, input, output] = [
      Math.floor(at / filters / depth),
      Math.floor(at / filters) % depth,
      at % filters,
    ];
    turned[(output * depth + input) * area + place] = kernel[at]!;
  }
  return turned;
}

/** Rows in the order height × width × channels become rows in the order channels × height × width. */
function channelsFirst(kernel: Float32Array, shape: Shape, units: number): Float32Array {
  if (shape.length === 1) return kernel;
  const [height, width, channels] = shape as [number, number, number];
  const turned = new Float32Array(kernel.length);
  for (let row = 0; row < kernel.length / units; row++) {
    const [place, channel] = [Math.floor(row / channels), row % channels];
    const values = kernel.subarray(row * units, (row + 1) * units);
    turned.set(values, (channel * height * width + place) * units);
  }
  return turned;
}

type Attributes = Readonly<Record<string, readonly number[] | number>>;

function node(
  type: string,
  inputs: readonly string[],
  output: string,
  attributes: Attributes = {},
): Uint8Array {
  return concatBytes([
    ...inputs.map((input) => text(1, input)),
    text(2, output),
    text(4, type),
    ...Object.entries(attributes).map(([name, value]) => message(5, attribute(name, value))),
  ]);
}

function attribute(name: string, value: readonly number[] | number): Uint8Array[] {
  if (typeof value === "number") return [text(1, name), integer(3, value), integer(20, INT)];
  return [text(1, name), ...value.map((one) => integer(8, one)), integer(20, INTS)];
}

function tensor(name: string, shape: Shape, values: Float32Array): Uint8Array {
  return concatBytes([
    ...shape.map((extent) => integer(1, extent)),
    integer(2, FLOAT),
    text(8, name),
    bytesField(9, floats(values)),
  ]);
}

function valueInfo(name: string, extents: readonly (number | string)[]): Uint8Array[] {
  const dimensions = extents.map((extent) =>
    message(1, [typeof extent === "number" ? integer(1, extent) : text(2, extent)])
  );
  return [text(1, name), message(2, [message(1, [integer(1, FLOAT), message(2, dimensions)])])];
}
