/**
 * What one layer does to shapes.
 *
 * @module
 */
import { ModelError } from "../errors.ts";
import { type Extent, heightAndWidth, type Layer, type Padding } from "./layer.ts";

/** Extent of each dimension. Pictures are height, width, channels; vectors have one dimension. No batch dimension. */
export type Shape = readonly number[];

/** What a layer holds and gives, for one image. */
export interface LayerShape {
  /** Shapes of the trained numbers: kernel and bias, or scale and shift; empty where there are none. */
  readonly tensors: readonly Shape[];
  /** What comes out for one image. */
  readonly output: Shape;
  /** Multiplications (each with an addition) for one image. */
  readonly multiplyAdds: number;
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
  padding: Padding,
): { positions: number; before: number; after: number } {
  if (padding === "valid") {
    return { positions: Math.max(0, Math.floor((extent - window) / stride) + 1), before: 0, after: 0 };
  }
  const positions = Math.ceil(extent / stride);
  const total = Math.max(0, (positions - 1) * stride + window - extent);
  return { positions, before: Math.floor(total / 2), after: Math.ceil(total / 2) };
}

/**
 * Works out what a layer holds and gives.
 *
 * @param layer As declared.
 * @param inputs What comes in for one image: one shape, for `add` and `concatenate` several.
 * @param where The layer, for messages.
 * @returns Its tensors, its output and its cost.
 * @throws {ModelError} `invalid_manifest` if it can't take these shapes.
 */
export function shapeLayer(layer: Layer, inputs: readonly Shape[], where: string): LayerShape {
  const shape = inputs[0] ?? [];
  switch (layer.type) {
    case "conv2d": {
      const channels = picture(shape, where)[2];
      const kernel = heightAndWidth(layer.kernel);
      const output = [...convolve(layer, shape, where), layer.filters];
      return {
        tensors: [[...kernel, channels, layer.filters], [layer.filters]],
        output,
        multiplyAdds: size(output) * size(kernel) * channels,
      };
    }
    case "depthwiseConv2d": {
      const channels = picture(shape, where)[2];
      const multiplier = layer.multiplier ?? 1;
      const kernel = heightAndWidth(layer.kernel);
      const output = [...convolve(layer, shape, where), channels * multiplier];
      return {
        tensors: [[...kernel, channels, multiplier], [channels * multiplier]],
        output,
        multiplyAdds: size(output) * size(kernel),
      };
    }
    case "maxPool2d":
    case "averagePool2d": {
      const { size: extent, stride = extent, padding = "valid" } = layer;
      return free([
        ...positions(shape, heightAndWidth(extent), stride, padding, where),
        picture(shape, where)[2],
      ]);
    }
    case "globalAveragePool2d":
    case "globalMaxPool2d":
      return free([picture(shape, where)[2]]);
    case "affine": {
      const channels = shape.at(-1) ?? 0;
      return { tensors: [[channels], [channels]], output: shape, multiplyAdds: size(shape) };
    }
    case "activation":
      return free(shape);
    case "zeroPad2d": {
      const [height, width, channels] = picture(shape, where);
      const { top = 0, bottom = 0, left = 0, right = 0 } = layer;
      return free([height + top + bottom, width + left + right, channels]);
    }
    case "flatten":
      return free([size(picture(shape, where))]);
    case "dense": {
      const inputs = vector(shape, where);
      const tensors = [[inputs, layer.units], [layer.units]];
      return { tensors, output: [layer.units], multiplyAdds: inputs * layer.units };
    }
    case "add":
      if (inputs.every((other) => show(other) === show(shape))) return free(shape);
      throw mismatch(`needs inputs of the same shape`, inputs, where);
    case "concatenate": {
      const outer = (one: Shape) => show(one.slice(0, -1));
      if (!inputs.every((other) => other.length === shape.length && outer(other) === outer(shape))) {
        throw mismatch("needs inputs that differ in their channels only", inputs, where);
      }
      return free([...shape.slice(0, -1), inputs.reduce((sum, other) => sum + other.at(-1)!, 0)]);
    }
  }
}

/**
 * A shape for people.
 *
 * @param shape Any shape.
 * @returns `28×28×3`.
 */
export function show(shape: Shape): string {
  return shape.join("×");
}

function free(output: Shape): LayerShape {
  return { tensors: [], output, multiplyAdds: 0 };
}

type Convolution = Layer & { type: "conv2d" | "depthwiseConv2d" };

function convolve(layer: Convolution, shape: Shape, where: string): [rows: number, columns: number] {
  const { kernel, stride = 1, dilation = 1, padding = "valid" } = layer;
  if (size(heightAndWidth(stride)) > 1 && size(heightAndWidth(dilation)) > 1) {
    throw new ModelError(
      "invalid_manifest",
      `${where} has a stride of ${heightAndWidth(stride)} and a dilation of ${
        heightAndWidth(dilation)
      }; one must be 1`,
    );
  }
  const apart = heightAndWidth(dilation);
  const extents = heightAndWidth(kernel).map((extent, i) => (extent - 1) * apart[i]! + 1);
  return positions(shape, [extents[0]!, extents[1]!], stride, padding, where);
}

/** How often a window fits, down and across. */
function positions(
  shape: Shape,
  window: readonly [height: number, width: number],
  stride: Extent,
  padding: Padding,
  where: string,
): [rows: number, columns: number] {
  const [height, width] = picture(shape, where);
  const [down, across] = heightAndWidth(stride);
  const rows = slide(height, window[0], down, padding).positions;
  const columns = slide(width, window[1], across, padding).positions;
  if (rows > 0 && columns > 0) return [rows, columns];
  throw new ModelError(
    "invalid_manifest",
    `${where} has a window of ${
      show(window)
    }, but only ${height}×${width} come in; make the window smaller or the` +
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

function mismatch(rule: string, inputs: readonly Shape[], where: string): ModelError {
  return new ModelError("invalid_manifest", `${where} ${rule}; ${inputs.map(show).join(" and ")} come in`);
}
