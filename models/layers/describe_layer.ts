import { type Extent, heightAndWidth, type Layer } from "./layer.ts";

/**
 * Describes a layer in words, for cards.
 *
 * @param layer As a manifest declares it.
 * @returns Part of a line.
 *
 * @example
 * ```ts
 * import { describeLayer } from "./describe_layer.ts";
 * console.log(describeLayer({ type: "conv2d", filters: 8, kernel: [3, 1], stride: 2, activation: "relu" }));
 * // convolution 3×1, 8 filters, stride 2, relu
 * ```
 */
export function describeLayer(layer: Layer): string {
  const sources = layer.from === undefined ? "" : ` of ${layer.from.map(source).join(" and ")}`;
  return describeOperation(layer) + sources;
}

function describeOperation(layer: Layer): string {
  switch (layer.type) {
    case "conv2d":
      return list(
        `convolution ${by(layer.kernel)}`,
        `${layer.filters} filters`,
        ...windowOf(layer),
        layer.activation ?? "linear",
      );
    case "depthwiseConv2d": {
      const { multiplier = 1 } = layer;
      const each = multiplier > 1 ? [`${multiplier} filters per channel`] : [];
      return list(
        `depthwise convolution ${by(layer.kernel)}`,
        ...each,
        ...windowOf(layer),
        layer.activation ?? "linear",
      );
    }
    case "maxPool2d":
      return list(`max pooling ${by(layer.size)}`, ...windowOf(layer));
    case "averagePool2d":
      return list(`average pooling ${by(layer.size)}`, ...windowOf(layer));
    case "globalAveragePool2d":
      return "global average pooling";
    case "globalMaxPool2d":
      return "global max pooling";
    case "affine":
      return "scale and shift per channel";
    case "layerNormalization":
      return "layer normalisation";
    case "activation":
      return layer.slope === undefined ? layer.function : `${layer.function}, slope ${layer.slope}`;
    case "zeroPad2d": {
      const { top = 0, right = 0, bottom = 0, left = 0 } = layer;
      return `zero padding: ${top} top, ${right} right, ${bottom} bottom, ${left} left`;
    }
    case "dense":
      return list("dense", `${layer.units} outputs`, layer.activation ?? "linear");
    case "flatten":
      return "flatten";
    case "add":
      return "sum";
    case "concatenate":
      return "concatenation of channels";
  }
}

function source(index: number): string {
  return index < 0 ? "the image" : `layer ${index}`;
}

function by(extent: Extent): string {
  return heightAndWidth(extent).join("×");
}

function windowOf(layer: { stride?: Extent; dilation?: Extent }): string[] {
  return (["stride", "dilation"] as const).flatMap((name) => {
    const extent = layer[name];
    return extent === undefined ? [] : [`${name} ${typeof extent === "number" ? extent : by(extent)}`];
  });
}

function list(...parts: readonly string[]): string {
  return parts.join(", ");
}
