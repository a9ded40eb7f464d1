/**
 * What the layers of a manifest do to shapes: which tensors they hold, and what comes out.
 *
 * @module
 */
import { ModelError } from "./errors.ts";
import type { InputSpec, Layer } from "./manifest.ts";

/** Extent of each dimension. Pictures are height, width, channels; vectors have one dimension. No batch dimension. */
export type Shape = readonly number[];

/** The most numbers that one layer may give for one image: 64 MiB as float32. */
export const MAX_ACTIVATIONS = 2 ** 24;

/** A layer with its shapes worked out. */
export interface ShapedLayer {
  /** As declared. */
  readonly layer: Layer;
  /** Shapes of kernel and bias; empty where the layer has no trained numbers. */
  readonly tensors: readonly Shape[];
  /** What comes out for one image. */
  readonly output: Shape;
  /** Multiplications (each with an addition) for one image. */
  readonly multiplyAdds: number;
}

/**
 * Follows the shape of one image through the layers.
 *
 * @param input Form of the image.
 * @param layers First to last.
 * @param where The file, for messages.
 * @returns One element for each layer, in order.
 * @throws {ModelError} `invalid_manifest` where a layer can't take what the one before gives.
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
  let shape: Shape = [input.height, input.width, input.channels];
  return layers.map((layer, i) => {
    const shaped = shapeLayer(layer, shape, `${where}: layers[${i}] (${layer.type})`);
    if (size(shaped.output) > MAX_ACTIVATIONS) {
      throw new ModelError(
        "invalid_manifest",
        `${where}: layers[${i}] (${layer.type}) gives ${show(shaped.output)} = ${
          size(shaped.output)
        } numbers` +
          ` for one image; at most ${MAX_ACTIVATIONS} are possible`,
      );
    }
    shape = shaped.output;
    return shaped;
  });
}

/**
 * Counts the numbers of a tensor.
 *
 * @param shape Any shape.
 * @returns How many numbers a tensor of this shape has.
 */
export function size(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
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
 * How many positions a window takes along one dimension, and how many elements are padded before the first.
 *
 * `same` pads so that the output has ceil(extent / stride) positions, the odd element at the end, as TensorFlow does.
 *
 * @param extent Elements along the dimension.
 * @param window Elements the window covers.
 * @param stride Elements from one position to the next.
 * @param padding With or without zeros around.
 * @returns Positions (0 if the window is larger than the picture) and padding before and after, in elements.
 */
export function slide(
  extent: number,
  window: number,
  stride: number,
  padding: "same" | "valid",
): { positions: number; before: number; after: number } {
  if (padding === "valid") {
    return { positions: Math.max(0, Math.floor((extent - window) / stride) + 1), before: 0, after: 0 };
  }
  const positions = Math.ceil(extent / stride);
  const total = Math.max(0, (positions - 1) * stride + window - extent);
  return { positions, before: Math.floor(total / 2), after: Math.ceil(total / 2) };
}

function shapeLayer(layer: Layer, shape: Shape, where: string): ShapedLayer {
  switch (layer.type) {
    case "conv2d": {
      const channels = picture(shape, where)[2];
      const output = window(
        shape,
        layer.kernel,
        layer.stride ?? 1,
        layer.padding ?? "valid",
        layer.filters,
        where,
      );
      const kernel = [layer.kernel, layer.kernel, channels, layer.filters];
      const multiplyAdds = size(output) * layer.kernel ** 2 * channels;
      return { layer, tensors: [kernel, [layer.filters]], output, multiplyAdds };
    }
    case "maxPool2d": {
      const channels = picture(shape, where)[2];
      const output = window(shape, layer.size, layer.stride ?? layer.size, "valid", channels, where);
      return { layer, tensors: [], output, multiplyAdds: 0 };
    }
    case "flatten":
      return { layer, tensors: [], output: [size(picture(shape, where))], multiplyAdds: 0 };
    case "dense": {
      const inputs = vector(shape, where);
      const tensors = [[inputs, layer.units], [layer.units]];
      return { layer, tensors, output: [layer.units], multiplyAdds: inputs * layer.units };
    }
  }
}

function window(
  shape: Shape,
  extent: number,
  stride: number,
  padding: "same" | "valid",
  channels: number,
  where: string,
): Shape {
  const [height, width] = picture(shape, where);
  const rows = slide(height, extent, stride, padding).positions;
  const columns = slide(width, extent, stride, padding).positions;
  if (rows > 0 && columns > 0) return [rows, columns, channels];
  throw new ModelError(
    "invalid_manifest",
    `${where} has a window of ${extent}×${extent}, but only ${height}×${width} come in; make the window smaller or the` +
      ' padding "same"',
  );
}

function picture(shape: Shape, where: string): readonly [number, number, number] {
  const [height, width, channels] = shape;
  if (height !== undefined && width !== undefined && channels !== undefined) return [height, width, channels];
  throw new ModelError(
    "invalid_manifest",
    `${where} needs height × width × channels; ${show(shape)} come in`,
  );
}

function vector(shape: Shape, where: string): number {
  const [length, ...others] = shape;
  if (length !== undefined && others.length === 0) return length;
  throw new ModelError(
    "invalid_manifest",
    `${where} needs a vector; ${show(shape)} come in; put a flatten before it`,
  );
}

function show(shape: Shape): string {
  return shape.join("×");
}
