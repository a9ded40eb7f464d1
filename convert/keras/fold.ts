/**
 * Folds layers of a network without changing its outputs.
 *
 * @module
 */
import type { Activation, Operation } from "../../models/layers/layer.ts";
import { countUses, type Node, nodesBefore } from "./network.ts";
import type { Numbers } from "./tensor.ts";

/**
 * Folds scale and shift per channel (a batch normalisation), relu and relu6 into the layer before them, if
 * that is a linear convolution or dense layer without other users.
 *
 * @param output The last layer. The layers are modified.
 * @returns The last layer of the smaller network.
 */
export function fold(output: Node): Node {
  const nodes = nodesBefore(output);
  const uses = countUses(nodes);
  const replacements = new Map<Node, Node>();
  for (const node of nodes) {
    node.inputs = node.inputs.map((input) => replacements.get(input) ?? input);
    const before = node.inputs[0]!;
    if (uses.get(before) !== 1 || !absorb(before, node)) continue;
    replacements.set(node, before);
    uses.set(before, uses.get(node) ?? 0);
  }
  return replacements.get(output) ?? output;
}

/** Folds `node` into `before`; false if that is not possible. */
function absorb(before: Node, node: Node): boolean {
  const { operation } = before;
  if (operation === null || !isLinear(operation)) return false;
  if (node.operation?.type === "affine") {
    before.tensors = scaled(before.tensors, node.tensors);
    return true;
  }
  const activation = fusable(node.operation);
  if (activation === undefined) return false;
  before.operation = { ...operation, activation };
  return true;
}

type Weighted = Operation & { type: "conv2d" | "depthwiseConv2d" | "dense" };

function isLinear(operation: Operation): operation is Weighted {
  const weighted = operation.type === "conv2d" || operation.type === "depthwiseConv2d" ||
    operation.type === "dense";
  return weighted && (operation.activation ?? "linear") === "linear";
}

function fusable(operation: Operation | null): Activation | undefined {
  if (operation?.type !== "activation") return undefined;
  return operation.function === "relu" || operation.function === "relu6" ? operation.function : undefined;
}

/** Output channels are the last dimension of a kernel, and the last two together of a depthwise one. */
function scaled([kernel, bias]: readonly Numbers[], [scale, shift]: readonly Numbers[]): Numbers[] {
  const channels = scale!.length;
  return [
    Float32Array.from(kernel!, (value, i) => value * scale![i % channels]!),
    Float32Array.from(bias!, (value, i) => value * scale![i]! + shift![i]!),
  ];
}
