/**
 * A network that is being put together: layers with their trained numbers and edges, before they are a list.
 *
 * @module
 */
import { ModelError } from "../../models/errors.ts";
import type { Layer, Operation } from "../../models/layers/layer.ts";
import { shapeLayer } from "../../models/layers/layer_shape.ts";
import { type Shape, size } from "../../models/layers/layers.ts";
import type { Numbers, Tensor } from "./tensor.ts";

/** A layer that is not yet in a list. */
export interface Node {
  /** What it came from, for messages. */
  readonly name: string;
  /** What it does; null for the image. */
  operation: Operation | null;
  /** Its trained numbers, in the order of the manifest. */
  tensors: readonly Numbers[];
  /** What it takes. */
  inputs: readonly Node[];
  /** What comes out for one image. */
  readonly shape: Shape;
}

/** A network as a manifest and its weights file have it. */
export interface Network {
  /** First to last. */
  readonly layers: readonly Layer[];
  /** All trained numbers. */
  readonly parameters: Float32Array;
}

/**
 * Begins a network.
 *
 * @param shape Height, width, channels.
 * @returns What stands for the image.
 */
export function imageNode(shape: Shape): Node {
  return { name: "the input", operation: null, tensors: [], inputs: [], shape };
}

/**
 * Adds a layer.
 *
 * @param name What it came from, for messages.
 * @param operation What it does.
 * @param inputs What it takes.
 * @param tensors Its trained numbers; the shapes must be those that the operation needs.
 * @returns The layer.
 * @throws {ModelError} `invalid` if shapes don't fit.
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
    throw new ModelError(
      "invalid",
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
    if (error instanceof ModelError) throw new ModelError("invalid", error.message, { cause: error });
    throw error;
  }
}

/**
 * Numbers filled with one value.
 *
 * @param value The value.
 * @param shape How many.
 * @returns The tensor.
 */
export function constant(value: number, shape: Shape): Tensor {
  return { shape, data: new Float32Array(size(shape)).fill(value) };
}

/**
 * Lists what a layer needs.
 *
 * @param output The last layer.
 * @returns All layers it needs, each after those it takes, without the image.
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
 * Counts how often layers are taken.
 *
 * @param nodes As {@linkcode nodesBefore} gives them.
 * @returns How many times each is an input.
 */
export function countUses(nodes: readonly Node[]): Map<Node, number> {
  const uses = new Map<Node, number>();
  for (const input of nodes.flatMap(({ inputs }) => inputs)) uses.set(input, (uses.get(input) ?? 0) + 1);
  return uses;
}

/**
 * Writes a network as a list.
 *
 * @param output The last layer.
 * @returns The layers and all their numbers.
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
