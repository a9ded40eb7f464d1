/**
 * A network under construction: layers with their parameters and inputs, before they are a list.
 *
 * @module
 */
import { ModelError } from "../../models/errors.ts";
import type { Layer, Operation } from "../../models/layers/layer.ts";
import { shapeLayer } from "../../models/layers/layer_shape.ts";
import { type Shape, size } from "../../models/layers/layers.ts";
import type { Numbers, Tensor } from "./tensor.ts";
import { invalid } from "./invalid.ts";

/** A layer of a network under construction. */
export interface Node {
  /** Its origin, for messages. */
  readonly name: string;
  /** null for the image. */
  operation: Operation | null;
  /** Its trained parameters, in the order of the manifest. */
  tensors: readonly Numbers[];
  inputs: readonly Node[];
  /** Shape of its output for one image. */
  readonly shape: Shape;
}

/** A network in the form of a manifest and its weights file. */
export interface Network {
  /** First to last. */
  readonly layers: readonly Layer[];
  /** All trained parameters. */
  readonly parameters: Float32Array;
}

/**
 * Starts a network.
 *
 * @param shape Height, width, channels.
 * @returns The node of the image.
 */
export function imageNode(shape: Shape): Node {
  return { name: "the input", operation: null, tensors: [], inputs: [], shape };
}

/**
 * Adds a layer.
 *
 * @param name Its origin, for messages.
 * @param operation Its operation.
 * @param inputs Its inputs.
 * @param tensors Its trained parameters, in the shapes that the operation needs.
 * @throws {ModelError} `invalid` if shapes do not fit.
 */
export function addNode(
  name: string,
  operation: Operation,
  inputs: readonly Node[],
  tensors: readonly Tensor[] = [],
): Node {
  const { tensors: expected, output } = shapeOf(name, operation, inputs);
  for (const [i, shape] of expected.entries()) {
    const actual = tensors[i]?.shape ?? [];
    if (actual.join() === shape.join()) continue;
    throw invalid(
      `${name} has weights of ${actual.join("×")}; expected ${
        shape.join("×")
      }: the file does not fit its architecture`,
    );
  }
  return { name, operation, tensors: tensors.map(({ data }) => data), inputs, shape: output };
}

function shapeOf(name: string, operation: Operation, inputs: readonly Node[]) {
  try {
    return shapeLayer(operation, inputs.map(({ shape }) => shape), name);
  } catch (error) {
    if (error instanceof ModelError) throw invalid(error.message, { cause: error });
    throw error;
  }
}

/**
 * Creates a tensor that is filled with one value.
 *
 * @param value The value.
 * @param shape Of the tensor.
 */
export function constant(value: number, shape: Shape): Tensor {
  return { shape, data: new Float32Array(size(shape)).fill(value) };
}

/**
 * Lists the layers that contribute to an output.
 *
 * @param output The last layer.
 * @returns All of them without the image, each after its inputs.
 */
export function nodesBefore(output: Node): Node[] {
  const seen = new Set<Node>();
  const nodes: Node[] = [];
  const visit = (node: Node) => {
    if (seen.has(node)) return;
    seen.add(node);
    node.inputs.forEach(visit);
    if (node.operation !== null) nodes.push(node);
  };
  visit(output);
  return nodes;
}

/**
 * Counts the users of each layer.
 *
 * @param nodes From {@linkcode nodesBefore}.
 * @returns How often each is an input.
 */
export function countUses(nodes: readonly Node[]): Map<Node, number> {
  const uses = new Map<Node, number>();
  for (const input of nodes.flatMap(({ inputs }) => inputs)) uses.set(input, (uses.get(input) ?? 0) + 1);
  return uses;
}

/**
 * Converts a network to a list of layers.
 *
 * @param output The last layer.
 */
export function toNetwork(output: Node): Network {
  const nodes = nodesBefore(output);
  const positions = new Map(nodes.map((node, i) => [node, i]));
  const layers = nodes.map(({ operation, inputs }, i): Layer => {
    const from = inputs.map((input) => positions.get(input) ?? -1);
    return from.length === 1 && from[0] === i - 1 ? operation! : { ...operation!, from };
  });
  const tensors = nodes.flatMap((node) => node.tensors);
  const parameters = new Float32Array(tensors.reduce((sum, { length }) => sum + length, 0));
  tensors.reduce((offset, tensor) => (parameters.set(tensor, offset), offset + tensor.length), 0);
  return { layers, parameters };
}
