/**
 * Shapes of one layer.
 *
 * @module
 */
import { ModelError } from "../errors.ts";
import { type Extent, heightAndWidth, type Layer, type Padding } from "./layer.ts";

/**
 * Extent of each dimension, without the batch: height, width, channels for images; one dimension for vectors.
 */
export type Shape = readonly number[];

/** Parameters, output and cost of a layer, for one image. */
export interface LayerShape {
  /** Shapes of the trained parameters: kernel and bias, or scale and shift; empty if there are none. */
  readonly tensors: readonly Shape[];
  /** Shape of the output. */
  readonly output: Shape;
  /** Multiplications, each with an addition. */
  readonly multiplyAdds: number;
}

/**
 * Counts the elements of a tensor.
 *
 * @param shape Of the tensor.
 */
export function size(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * Positions of a window along one dimension, and the padding that they need.
 *
 * `same` pads so that there are ceil(extent / stride) positions, with the odd element at the end, as in
 * TensorFlow.
 *
 * @param extent Elements along the dimension.
 * @param window Elements that the window covers.
 * @param stride Elements from one position to the next.
 * @param padding With or without zeros around.
 * @returns Positions (0 if the window is larger than the image) and padding before and after, in elements.
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
 * Derives parameters, output and cost of a layer.
 *
 * @param layer As declared.
 * @param inputs Shapes of its inputs: one, for `add` and `concatenate` several.
 * @param where The layer, for messages.
 * @throws {ModelError} `invalid_manifest` if the layer does not accept these shapes.
 */
export function shapeLayer(layer: Layer, inputs: readonly Shape[], where: string): LayerShape {
  const shape = inputs[0] ?? [];
  switch (layer.type) {
    case "conv2d": {
      const channels = imageShape(shape, where)[2];
      const kernel = heightAndWidth(layer.kernel);
      const output = [...convolve(layer, shape, where), layer.filters];
      return {
        tensors: [[...kernel, channels, layer.filters], [layer.filters]],
        output,
        multiplyAdds: size(output) * size(kernel) * channels,
      };
    }
    case "depthwiseConv2d": {
      const channels = imageShape(shape, where)[2];
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
        imageShape(shape, where)[2],
      ]);
    }
    case "globalAveragePool2d":
    case "globalMaxPool2d":
      return free([imageShape(shape, where)[2]]);
    case "affine": {
      const channels = shape.at(-1) ?? 0;
      return { tensors: [[channels], [channels]], output: shape, multiplyAdds: size(shape) };
    }
    case "layerNormalization": {
      const channels = shape.at(-1) ?? 0;
      return { tensors: [[channels], [channels]], output: shape, multiplyAdds: 3 * size(shape) };
    }
    case "activation":
      return free(shape);
    case "zeroPad2d": {
      const [height, width, channels] = imageShape(shape, where);
      const { top = 0, bottom = 0, left = 0, right = 0 } = layer;
      return free([height + top + bottom, width + left + right, channels]);
    }
    case "flatten":
      return free([size(imageShape(shape, where))]);
    case "dense": {
      const inputs = vector(shape, where);
      const tensors = [[inputs, layer.units], [layer.units]];
      return { tensors, output: [layer.units], multiplyAdds: inputs * layer.units };
    }
    case "add":
      if (inputs.every((other) => show(other) === show(shape))) return free(shape);
      throw mismatch("needs inputs of the same shape", inputs, where);
    case "concatenate": {
      const outer = (one: Shape) => show(one.slice(0, -1));
      if (!inputs.every((other) => other.length === shape.length && outer(other) === outer(shape))) {
        throw mismatch("needs inputs that differ only in their channels", inputs, where);
      }
      return free([...shape.slice(0, -1), inputs.reduce((sum, other) => sum + other.at(-1)!, 0)]);
    }
  }
}

/**
 * Formats a shape for messages.
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

/** Number of positions of a window, down and across. */
function positions(
  shape: Shape,
  window: readonly [height: number, width: number],
  stride: Extent,
  padding: Padding,
  where: string,
): [rows: number, columns: number] {
  const [height, width] = imageShape(shape, where);
  const [down, across] = heightAndWidth(stride);
  const rows = slide(height, window[0], down, padding).positions;
  const columns = slide(width, window[1], across, padding).positions;
  if (rows > 0 && columns > 0) return [rows, columns];
  throw new ModelError(
    "invalid_manifest",
    `${where} has a window of ${
      show(window)
    }, which is larger than its input of ${height}×${width}; make the window` +
      ' smaller or the padding "same"',
  );
}

function imageShape(shape: Shape, where: string): readonly [number, number, number] {
  const [height, width, channels] = shape;
  if (height !== undefined && width !== undefined && channels !== undefined) return [height, width, channels];
  throw new ModelError(
    "invalid_manifest",
    `${where} needs an input of height × width × channels; its input is ${show(shape)}`,
  );
}

function vector(shape: Shape, where: string): number {
  const [length, ...others] = shape;
  if (length !== undefined && others.length === 0) return length;
  throw new ModelError(
    "invalid_manifest",
    `${where} needs a vector; its input is ${show(shape)}; put a flatten before it`,
  );
}

function mismatch(rule: string, inputs: readonly Shape[], where: string): ModelError {
  return new ModelError(
    "invalid_manifest",
    `${where} ${rule}; its inputs are ${inputs.map(show).join(" and ")}`,
  );
}
