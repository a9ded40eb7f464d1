/**
 * Makes a network smaller without changing what it computes.
 *
 * @module
 */
import type { Activation, Operation } from "../../models/layers/layer.ts";
import { countUses, type Node, nodesBefore } from "./network.ts";
import type { Numbers } from "./tensor.ts";

/**
 * Takes a scale and shift of each channel (a batch normalisation) into the layer before it where that is linear and has no
 * other use, and relu and relu6 into the layer whose kernel can do them on the way.
 *
 * @param output The last layer. The layers are changed.
 * @returns The last layer of the smaller network.
 */
export function fold(output: Node): Node {
  const nodes = nodesBefore(output);
  const uses = countUses(nodes);
  const instead = new Map<Node, Node>();
  for (const node of nodes) {
    node.inputs = node.inputs.map((input) => instead.get(input) ?? input);
    const before = node.inputs[0]!;
    if (uses.get(before) !== 1 || !absorb(before, node)) continue;
    instead.set(node, before);
    uses.set(before, uses.get(node) ?? 0);
  }
  return instead.get(output) ?? output;
}

/** Changes `before` so that it does what `node` does too; says no where it can't. */
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

/** The last dimension of every kernel, or of a depthwise one the last two together, are the channels that come out. */
function scaled([kernel, bias]: readonly Numbers[], [scale, shift]: readonly Numbers[]): Numbers[] {
  const channels = scale!.length;
  return [
    Float32Array.from(kernel!, (value, i) => value * scale![i % channels]!),
    Float32Array.from(bias!, (value, i) => value * scale![i]! + shift![i]!),
  ];
}
