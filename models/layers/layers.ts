/**
 * What the layers of a manifest do to shapes: which tensors they hold, and what comes out.
 *
 * @module
 */
import { ModelError } from "../errors.ts";
import { type LayerShape, type Shape, shapeLayer, show, size } from "./layer_shape.ts";
import type { InputSpec } from "../image/canonical.ts";
import type { Layer } from "./layer.ts";

export { type Shape, size, slide } from "./layer_shape.ts";

/** The most numbers that one layer may give for one image: 64 MiB as float32. */
export const MAX_ACTIVATIONS = 2 ** 24;

/** The most numbers that may be held at once for one image, by all layers that are still waited for: 256 MiB. */
export const MAX_LIVE_ACTIVATIONS = 2 ** 26;

/** A layer with its shapes worked out. */
export interface ShapedLayer extends LayerShape {
  /** As declared. */
  readonly layer: Layer;
  /** Which layers it takes, by their position; -1 is the image. */
  readonly from: readonly number[];
}

/**
 * Follows the shape of one image through the layers.
 *
 * @param input Form of the image.
 * @param layers First to last.
 * @param where The file, for messages.
 * @returns One element for each layer, in order.
 * @throws {ModelError} `invalid_manifest` where a layer can't take what comes in, or nothing takes what it gives, or too
 * much memory would be needed.
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
        `${name} gives ${show(shape.output)} = ${size(shape.output)} numbers for one image; at most` +
          ` ${MAX_ACTIVATIONS} are possible`,
      );
    }
    shaped.push({ layer, from, ...shape });
  }
  checkUse(shaped, where);
  checkMemory(shaped, where);
  return shaped;
}

/**
 * Counts the trained numbers of a network.
 *
 * @param layers As {@linkcode shapeLayers} gives them.
 * @returns Number of trained numbers over all layers.
 */
export function parameterCount(layers: readonly ShapedLayer[]): number {
  return layers.flatMap((layer) => layer.tensors).reduce((sum, tensor) => sum + size(tensor), 0);
}

/**
 * Says when the output of each layer has been taken for the last time, and its memory can be given back.
 *
 * @param layers As {@linkcode shapeLayers} gives them, or anything that says what each layer takes.
 * @returns For each layer the position of the last one that takes it; its own position if none does.
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
    `${where}: layers[${unused}] (${
      layers[unused]!.layer.type
    }) gives what no other layer takes; name it in the "from"` +
      " of one, or take it out",
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
        `${where}: at layers[${i}] ${live} numbers must be held for one image; at most ${MAX_LIVE_ACTIVATIONS} are possible`,
      );
    }
    last.forEach((use, index) => use === i && (live -= size(layers[index]!.output)));
  }
}
