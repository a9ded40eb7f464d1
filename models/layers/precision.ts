/**
 * Which layers are computed in bytes.
 *
 * @module
 */
import { defined } from "../../lib/defined.ts";
import { ModelError } from "../errors.ts";
import { MAX_DEPTH8 } from "../kernels/chain/bytes.ts";
import type { Operation } from "../kernels/chain/operation.ts";
import type { Segment } from "./fusion.ts";
import type { NetworkPlan } from "./network_plan.ts";

/**
 * Layers that can give bytes: those with the activation relu or relu6 whose output, flattened or after a maximum pooling, is used
 * by a convolution or a dense layer alone, which then multiplies bytes.
 *
 * @param plan In float32.
 * @returns Positions of the layers, ascending.
 */
export function byteLayers({ segments }: NetworkPlan): number[] {
  return segments.flatMap(({ fused }) => (fused?.operations ?? []).filter(givesBytes)).map(({ layer }) =>
    layer
  );
}

/**
 * Has layers give bytes, and those after them multiply bytes.
 *
 * @param plan In float32.
 * @param ranges The largest number of what each layer gives; 0 for float32.
 * @param where The model, for messages.
 * @throws {ModelError} `invalid_manifest`: a range of a layer that cannot give bytes.
 */
export function inBytes(plan: NetworkPlan, ranges: readonly number[], where: string): NetworkPlan {
  const possible = new Set(byteLayers(plan));
  const wrong = ranges.findIndex((range, layer) => range > 0 && !possible.has(layer));
  if (wrong < 0) {
    return {
      ...plan,
      segments: plan.segments.map((segment) => segmentInBytes(segment, ranges)),
    };
  }
  throw new ModelError(
    "invalid_manifest",
    `${where}: calibration.ranges[${wrong}] is ${
      ranges[wrong]
    }; it must be 0, because layers[${wrong}] does not have` +
      " the activation relu or relu6, or is not followed by a conv2d or dense layer that can multiply bytes",
  );
}

function segmentInBytes({ fused, ...segment }: Segment, ranges: readonly number[]): Segment {
  if (fused === undefined) return segment;
  const rangeOf = (operation: Operation | undefined) => {
    const range = operation === undefined ? 0 : ranges[operation.layer]!;
    return range > 0 ? range : undefined;
  };
  const operations = fused.operations.map((operation, i) => {
    const [inputRange, range] = [rangeOf(fused.operations[i - 1]), rangeOf(operation)];
    return { ...operation, ...defined({ inputRange, range }) };
  });
  return { ...segment, fused: { ...fused, operations } };
}

function givesBytes(operation: Operation, i: number, operations: readonly Operation[]): boolean {
  const next = operations[i + 1];
  if (next === undefined || operation.bounds.floor !== 0) return false;
  return next.kernel.length / next.bias.length <= MAX_DEPTH8;
}
