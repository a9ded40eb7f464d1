/**
 * Exports models of this project to Keras.
 *
 * The file is HDF5 in the layout of Keras 2, which Keras 3 can also read. Its input is pixels of 0…255,
 * height × width × channels, as from `keras.utils.load_img`: the first layer is a Rescaling with the
 * manifest's `mean` and `std`. It ends with a Rescaling by the temperature and a softmax, so its confidences are
 * equal to those of this project.
 *
 * @module
 */
import type { ModelFiles } from "../../models/classifier.ts";
import { DEFAULT_EPSILON, type Extent, heightAndWidth, type Layer } from "../../models/layers/layer.ts";
import { type Shape, type ShapedLayer, shapeLayers, size } from "../../models/layers/layers.ts";
import type { InputSpec } from "../../models/manifest.ts";
import { toFloat32 } from "../../models/layers/network_plan.ts";
import { type Hdf5Group, writeHdf5 } from "./hdf5.ts";
import { constant } from "./network.ts";
import type { Tensor } from "./tensor.ts";

/** Version in the file: the last release with this layout. */
const KERAS_VERSION = "2.15.0";

/** One layer of Keras. */
interface Exported {
  readonly className: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Names of its inputs. */
  readonly inputs: readonly string[];
  /** By their names in Keras, in its order. */
  readonly weights: Readonly<Record<string, Tensor>>;
}

/**
 * Exports a model.
 *
 * @param files The model.
 * @returns Content of a `.h5` file.
 */
export async function exportKeras(files: ModelFiles): Promise<Uint8Array<ArrayBuffer>> {
  const layers = exportLayers(files);
  return await writeHdf5({
    attributes: {
      keras_version: KERAS_VERSION,
      backend: "tensorflow",
      model_config: JSON.stringify(modelConfig(files.manifest.name, layers)),
    },
    groups: { model_weights: weightsGroup(layers) },
  });
}

function exportLayers({ manifest, weights }: ModelFiles): Exported[] {
  const { input, temperature = 1 } = manifest;
  const shaped = shapeLayers(input, manifest.layers, manifest.name);
  const tensors = tensorsOf(shaped, toFloat32(weights, manifest.weights.dtype));
  const exported = inputLayers(input);
  // A layer of the manifest can become several layers of Keras: its output is that of the last one.
  const outputs: string[] = [];
  const image = exported.at(-1)!.name;
  for (const [i, { layer, from }] of shaped.entries()) {
    const inputs = from.map((index) => index < 0 ? image : outputs[index]!);
    exported.push(...exportLayer(layer, i, inputs, tensors[i]!));
    outputs.push(exported.at(-1)!.name);
  }
  if (temperature !== 1) {
    exported.push(
      plain("Rescaling", "temperature", { scale: 1 / temperature, offset: 0 }, [outputs.at(-1)!]),
    );
  }
  exported.push(plain("Activation", "softmax", { activation: "softmax" }, [exported.at(-1)!.name]));
  return exported;
}

/** Standardises pixels of 0…255: (pixel / 255 − mean) / std. */
function inputLayers({ height, width, channels, mean, std }: InputSpec): Exported[] {
  const scale = std.map((value) => 1 / (255 * value));
  const offset = mean.map((value, i) => -value / std[i]!);
  const one = (values: readonly number[]) =>
    values.every((value) => value === values[0]) ? values[0] : values;
  return [
    plain("InputLayer", "image", { batch_input_shape: [null, height, width, channels] }, []),
    plain("Rescaling", "standardise", { scale: one(scale), offset: one(offset) }, ["image"]),
  ];
}

function exportLayer(
  layer: Layer,
  index: number,
  inputs: readonly string[],
  tensors: readonly Tensor[],
): Exported[] {
  const name = `${layer.type.toLowerCase()}_${index}`;
  const [className, config = {}, roles = []] = formOf(layer);
  const weights = Object.fromEntries(roles.map((role, i) => [role, tensors[i]!]));
  if (layer.type === "affine") Object.assign(weights, neutralMoments(tensors[0]!.shape));
  const exported = { className, name, config, inputs, weights };
  // Keras 2 has no activation "relu6", but a layer with the same function.
  const activation = "activation" in layer ? layer.activation ?? "linear" : "linear";
  if (activation === "linear") return [exported];
  const max_value = activation === "relu6" ? 6 : null;
  return [exported, plain("ReLU", `${name}_${activation}`, { max_value }, [name])];
}

/** Class, settings and weights of a layer in Keras. */
type KerasForm = [className: string, config?: Readonly<Record<string, unknown>>, roles?: readonly string[]];

function formOf(layer: Layer): KerasForm {
  switch (layer.type) {
    case "conv2d":
      return ["Conv2D", { filters: layer.filters, ...convolution(layer) }, ["kernel", "bias"]];
    case "depthwiseConv2d": {
      const config = { depth_multiplier: layer.multiplier ?? 1, ...convolution(layer) };
      return ["DepthwiseConv2D", config, ["depthwise_kernel", "bias"]];
    }
    case "dense":
      return ["Dense", { units: layer.units }, ["kernel", "bias"]];
    case "maxPool2d":
    case "averagePool2d": {
      const { size: extent, stride = extent, padding = "valid" } = layer;
      const config = { pool_size: heightAndWidth(extent), strides: heightAndWidth(stride), padding };
      return [layer.type === "maxPool2d" ? "MaxPooling2D" : "AveragePooling2D", config];
    }
    case "globalAveragePool2d":
      return ["GlobalAveragePooling2D"];
    case "globalMaxPool2d":
      return ["GlobalMaxPooling2D"];
    case "affine":
      return ["BatchNormalization", { axis: -1, epsilon: EPSILON }, ["gamma", "beta"]];
    case "layerNormalization":
      return ["LayerNormalization", { axis: -1, epsilon: layer.epsilon ?? DEFAULT_EPSILON }, [
        "gamma",
        "beta",
      ]];
    case "activation":
      return activationForm(layer);
    case "zeroPad2d": {
      const { top = 0, bottom = 0, left = 0, right = 0 } = layer;
      return ["ZeroPadding2D", { padding: [[top, bottom], [left, right]] }];
    }
    case "flatten":
      return ["Flatten"];
    case "add":
      return ["Add"];
    case "concatenate":
      return ["Concatenate", { axis: -1 }];
  }
}

function convolution(layer: Layer & { type: "conv2d" | "depthwiseConv2d" }) {
  const { kernel, stride = 1, dilation = 1, padding = "valid" } = layer;
  const both = (extent: Extent) => heightAndWidth(extent);
  return { kernel_size: both(kernel), strides: both(stride), padding, dilation_rate: both(dilation) };
}

/** Of a batch normalisation; not 0, because TensorFlow replaces one that is too small. */
const EPSILON = 1e-3;

/** Statistics with which a batch normalisation only scales and shifts. */
function neutralMoments(shape: Shape): Record<string, Tensor> {
  return { moving_mean: constant(0, shape), moving_variance: constant(1 - EPSILON, shape) };
}

function activationForm({ function: kind, slope = 0.2 }: Layer & { type: "activation" }): KerasForm {
  // Keras 3 also accepts the old name of the slope, Keras 2 only that one.
  if (kind === "leakyRelu") return ["LeakyReLU", { alpha: slope }];
  if (kind === "relu6") return ["ReLU", { max_value: 6 }];
  return ["Activation", { activation: kind }];
}

function plain(
  className: string,
  name: string,
  config: Readonly<Record<string, unknown>>,
  inputs: readonly string[],
): Exported {
  return { className, name, config, inputs, weights: {} };
}

function modelConfig(name: string, layers: readonly Exported[]) {
  return {
    class_name: "Functional",
    config: {
      name,
      trainable: true,
      layers: layers.map(({ className, name, config, inputs }) => ({
        class_name: className,
        name,
        config: { name, dtype: "float32", ...config },
        inbound_nodes: inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])],
      })),
      input_layers: [[layers[0]!.name, 0, 0]],
      output_layers: [[layers.at(-1)!.name, 0, 0]],
    },
  };
}

function weightsGroup(layers: readonly Exported[]): Hdf5Group {
  const groups = layers.map(({ name, weights }): [string, Hdf5Group] => {
    const tensors = Object.fromEntries(
      Object.entries(weights).map(([role, tensor]) => [`${name}/${role}:0`, tensor]),
    );
    const names = Object.keys(tensors);
    return [name, { attributes: names.length > 0 ? { weight_names: names } : {}, tensors }];
  });
  return {
    attributes: {
      layer_names: layers.map(({ name }) => name),
      backend: "tensorflow",
      keras_version: KERAS_VERSION,
    },
    groups: Object.fromEntries(groups),
  };
}

function tensorsOf(shaped: readonly ShapedLayer[], numbers: Float32Array): Tensor[][] {
  let offset = 0;
  return shaped.map(({ tensors }) =>
    tensors.map((shape) => {
      const start = offset;
      offset += size(shape);
      return { shape, data: numbers.subarray(start, offset) };
    })
  );
}
