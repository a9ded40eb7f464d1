/**
 * Which layers run on the project's own kernels: consecutive convolutions and dense layers, with the bias, the activation
 * and a maximum pooling that follows.
 *
 * @module
 */
import { isWinograd } from "../kernels/chain/convolution.ts";
import type { Bounds, ConvolutionOperation, ImageShape, Operation } from "../kernels/chain/operation.ts";
import { type Activation, heightAndWidth } from "./layer.ts";
import { type Shape, type ShapedLayer, size, slide } from "./layers.ts";

/** Maximum number of outputs of all fused layers for one image: they are kept in memory. */
const MAX_FUSED = 2 ** 24;

/** Layers that run together. */
export interface Segment {
  /** Position of the first one. */
  readonly first: number;
  /** Position of the last one. */
  readonly last: number;
  /** On the project's own kernels; without, it is one layer for TensorFlow.js. */
  readonly fused?: { readonly input: ImageShape; readonly operations: readonly Operation[] };
}

/** Trained parameters of a layer: kernel and bias, or scale and shift; empty if it has none. */
export type Parameters = readonly Float32Array[];

/**
 * Divides a network.
 *
 * @param input Shape of the image.
 * @param layers From `shapeLayers`.
 * @param parameters Of each layer.
 * @returns Segments that contain each layer once, in order.
 */
export function fuseLayers(
  input: ImageShape,
  layers: readonly ShapedLayer[],
  parameters: readonly Parameters[],
): Segment[] {
  const segments: Segment[] = [];
  let budget = MAX_FUSED;
  for (let first = 0; first < layers.length;) {
    const source = layers[first]!.from[0]!;
    const shape = imageShape(source < 0 ? input : layers[source]!.output);
    const { operations, last, outputs } = collect(shape, layers, parameters, first, budget);
    budget -= outputs;
    segments.push({ first, last, ...operations.length > 0 && { fused: { input: shape, operations } } });
    first = last + 1;
  }
  return segments;
}

/** Operations from a layer on, and the layers that they are; without operations the one layer. */
function collect(
  input: ImageShape,
  layers: readonly ShapedLayer[],
  parameters: readonly Parameters[],
  first: number,
  budget: number,
): { operations: Operation[]; last: number; outputs: number } {
  const operations: Operation[] = [];
  let [outputs, next, shape] = [0, first, input];
  while (next < layers.length && (next === first || isOnlyUser(layers, next))) {
    const { layer, output } = layers[next]!;
    outputs += size(output);
    const operation = outputs > budget
      ? undefined
      : operationOf(next, layers[next]!, shape, parameters[next]!);
    if (operation === undefined && (layer.type !== "flatten" || next === first)) break;
    if (operation !== undefined) operations.push(operation);
    shape = imageShape(output);
    next++;
    if (operation?.kind !== "convolution") continue;
    const pool = poolAfter(operation, layers, next, shape);
    if (pool === undefined) continue;
    operations.splice(-1, 1, pool);
    shape = pool.output;
    next++;
  }
  return { operations, last: Math.max(first, next - 1), outputs: Math.min(outputs, budget) };
}

function operationOf(
  position: number,
  { layer, output }: ShapedLayer,
  input: ImageShape,
  [kernel, bias]: Parameters,
): Operation | undefined {
  if (layer.type === "dense") {
    return {
      kind: "dense",
      layer: position,
      kernel: kernel!,
      bias: bias!,
      bounds: boundsOf(layer.activation),
    };
  }
  if (layer.type !== "conv2d" || layer.filters % 4 !== 0) return undefined;
  if (heightAndWidth(layer.dilation ?? 1).some((apart) => apart > 1)) return undefined;
  const { padding = "valid" } = layer;
  const [sides, stride] = [heightAndWidth(layer.kernel), heightAndWidth(layer.stride ?? 1)];
  const [down, across] = [0, 1].map((i) => slide(input[i]!, sides[i]!, stride[i]!, padding));
  return {
    kind: "convolution",
    layer: position,
    kernel: kernel!,
    bias: bias!,
    size: sides,
    stride,
    frame: { top: down!.before, bottom: down!.after, left: across!.before, right: across!.after },
    bounds: boundsOf(layer.activation),
    pool: 1,
    output: imageShape(output),
  };
}

/** The operation with the pooling at a position, if the kernels can do both in one pass. */
function poolAfter(
  operation: ConvolutionOperation,
  layers: readonly ShapedLayer[],
  at: number,
  input: ImageShape,
): ConvolutionOperation | undefined {
  const next = layers[at];
  if (next?.layer.type !== "maxPool2d" || !isOnlyUser(layers, at)) return undefined;
  const { size: side, stride = side, padding = "valid" } = next.layer;
  const [pool] = heightAndWidth(side);
  const isSquare = [...heightAndWidth(side), ...heightAndWidth(stride)].every((extent) => extent === pool);
  const channels = operation.kernel.length / size(operation.size) / input[2];
  const isPossible = pool === 2 || (pool === 3 && isWinograd(operation, channels));
  if (!isSquare || !isPossible || padding !== "valid") return undefined;
  return { ...operation, pool, output: imageShape(next.output) };
}

/** Whether a layer is the only one that uses the layer before it, and uses nothing else. */
function isOnlyUser(layers: readonly ShapedLayer[], at: number): boolean {
  const users = layers.flatMap(({ from }) => from).filter((index) => index === at - 1);
  return users.length === 1 && layers[at]!.from.length === 1 && layers[at]!.from[0] === at - 1;
}

function boundsOf(activation: Activation = "linear"): Bounds {
  return {
    floor: activation === "linear" ? -Infinity : 0,
    ceiling: activation === "relu6" ? 6 : Infinity,
  };
}

/** A vector is an image of one pixel. */
function imageShape(shape: Shape): ImageShape {
  return shape.length === 3 ? [shape[0]!, shape[1]!, shape[2]!] : [1, 1, size(shape)];
}
