/**
 * Shapes of a network: parameters and outputs of all layers of a manifest.
 *
 * @module
 */
import { ModelError } from "../errors.ts";
import { type LayerShape, type Shape, shapeLayer, show, size } from "./layer_shape.ts";
import type { InputSpec } from "../image/canonical.ts";
import type { Layer } from "./layer.ts";

export { type Shape, size, slide } from "./layer_shape.ts";

/** Maximum output of one layer for one image, in numbers: 64 MiB as float32. */
export const MAX_ACTIVATIONS = 2 ** 24;

/** Maximum of all outputs that must be held at once for one image, in numbers: 256 MiB as float32. */
export const MAX_LIVE_ACTIVATIONS = 2 ** 26;

/** A layer with its shapes. */
export interface ShapedLayer extends LayerShape {
  /** As declared. */
  readonly layer: Layer;
  /** Positions of its inputs; -1 is the image. */
  readonly from: readonly number[];
}

/**
 * Follows the shape of one image through the layers.
 *
 * @param input Form of the image.
 * @param layers First to last.
 * @param where The file, for messages.
 * @returns One element per layer, in order.
 * @throws {ModelError} `invalid_manifest` if a layer does not accept its inputs, if its output is not used,
 * or if too much memory is needed.
 *
 * @example
 * ```ts
 * import { shapeLayers } from "./layers.ts";
 * const input = { width: 28, height: 28, channels: 1, mean: [0.5], std: [0.5] } as const;
 * const [pool] = shapeLayers(input, [{ type: "maxPool2d", size: 2 }], "manifest.json");
 * console.log(pool?.output); // [14, 14, 1]
 * ```
 */
export function shapeLayers(input: InputSpec, layers: readonly Layer[], where: string): ShapedLayer[] {
  const image: Shape = [input.height, input.width, input.channels];
  const shaped: ShapedLayer[] = [];
  for (const [i, layer] of layers.entries()) {
    const name = `${where}: layers[${i}] (${layer.type})`;
    const from = layer.from ?? [i - 1];
    const shape = shapeLayer(layer, from.map((index) => index < 0 ? image : shaped[index]!.output), name);
    if (size(shape.output) > MAX_ACTIVATIONS) {
      throw new ModelError(
        "invalid_manifest",
        `${name} has ${show(shape.output)} = ${size(shape.output)} outputs per image; the maximum is` +
          ` ${MAX_ACTIVATIONS}`,
      );
    }
    shaped.push({ layer, from, ...shape });
  }
  checkUse(shaped, where);
  checkMemory(shaped, where);
  return shaped;
}

/**
 * Counts the trained parameters of a network.
 *
 * @param layers From {@linkcode shapeLayers}.
 */
export function parameterCount(layers: readonly ShapedLayer[]): number {
  return layers.flatMap((layer) => layer.tensors).reduce((sum, tensor) => sum + size(tensor), 0);
}

/**
 * Finds where the output of each layer is used for the last time, after which its memory can be released.
 *
 * @param layers The inputs of each layer, as in {@linkcode ShapedLayer}.
 * @returns For each layer the position of its last user; its own position if it has none.
 */
export function lastUses(layers: readonly { readonly from: readonly number[] }[]): number[] {
  const last = layers.map((_, i) => i);
  for (const [i, { from }] of layers.entries()) {
    for (const index of from) if (index >= 0) last[index] = i;
  }
  return last;
}

function checkUse(layers: readonly ShapedLayer[], where: string): void {
  const unused = lastUses(layers).findIndex((last, i) => last === i && i < layers.length - 1);
  if (unused < 0) return;
  throw new ModelError(
    "invalid_manifest",
    `${where}: the output of layers[${unused}] (${
      layers[unused]!.layer.type
    }) is not used; add it to the "from" of` +
      " another layer, or remove it",
  );
}

function checkMemory(layers: readonly ShapedLayer[], where: string): void {
  const last = lastUses(layers);
  let live = 0;
  for (const [i, { output }] of layers.entries()) {
    live += size(output);
    if (live > MAX_LIVE_ACTIVATIONS) {
      throw new ModelError(
        "invalid_manifest",
        `${where}: at layers[${i}] ${live} numbers must be held per image; the maximum is ${MAX_LIVE_ACTIVATIONS}`,
      );
    }
    last.forEach((use, index) => use === i && (live -= size(layers[index]!.output)));
  }
}
