import "npm:@tensorflow/tfjs-backend-cpu@4.22.0";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { startBackend } from "../../models/backend.ts";
import { type ActivationFunction, type Layer, LAYER_TYPES } from "../../models/layers/layer.ts";
import { lastUses, parameterCount, type Shape, shapeLayers, size } from "../../models/layers/layers.ts";
import { Network } from "../../models/layers/network.ts";
import { planNetwork } from "../../models/layers/network_plan.ts";
import { runLayer } from "../../models/layers/run_layer.ts";
import { shapeLayer } from "../../models/layers/layer_shape.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { noise } from "../fixtures/noise.ts";

const IMAGE = [9, 8, 4] as const;
const FUNCTIONS: readonly ActivationFunction[] = [
  "relu",
  "relu6",
  "leakyRelu",
  "sigmoid",
  "tanh",
  "elu",
  "gelu",
  "swish",
  "softmax",
];

interface Case {
  readonly layer: Layer;
  readonly inputs?: readonly Shape[];
}

/** Every layer type, with strides, sizes and paddings for which kernels are likely to differ. */
const CASES: readonly Case[] = [
  ...windows().map((window) => ({ layer: { type: "conv2d", filters: 5, ...window } as Layer })),
  ...windows().map((window) => ({ layer: { type: "depthwiseConv2d", ...window } as Layer })),
  { layer: { type: "depthwiseConv2d", kernel: 3, multiplier: 3, padding: "same", activation: "relu6" } },
  ...pools().flatMap((pool) => [
    { layer: { type: "maxPool2d", ...pool } as Layer },
    { layer: { type: "averagePool2d", ...pool } as Layer },
  ]),
  { layer: { type: "globalAveragePool2d" } },
  { layer: { type: "globalMaxPool2d" } },
  { layer: { type: "affine" } },
  { layer: { type: "affine" }, inputs: [[7]] },
  { layer: { type: "layerNormalization" } },
  { layer: { type: "layerNormalization", epsilon: 1e-5 }, inputs: [[7]] },
  ...FUNCTIONS.flatMap((name) => [
    { layer: { type: "activation", function: name } as Layer },
    { layer: { type: "activation", function: name } as Layer, inputs: [[11]] },
  ]),
  { layer: { type: "activation", function: "leakyRelu", slope: 0.01 } },
  { layer: { type: "zeroPad2d", top: 1, left: 2 } },
  { layer: { type: "zeroPad2d", bottom: 3, right: 1 } },
  { layer: { type: "flatten" } },
  ...(["linear", "relu", "relu6"] as const).map((activation) => ({
    layer: { type: "dense", units: 6, activation } as Layer,
    inputs: [[13]],
  })),
  { layer: { type: "add", from: [0, 1, 2] }, inputs: [IMAGE, IMAGE, IMAGE] },
  { layer: { type: "add", from: [0, 1] }, inputs: [[5], [5]] },
  { layer: { type: "concatenate", from: [0, 1, 2] }, inputs: [IMAGE, [9, 8, 1], [9, 8, 2]] },
  { layer: { type: "concatenate", from: [0, 1] }, inputs: [[5], [3]] },
];

function windows() {
  return [
    { kernel: 3 },
    { kernel: 1, stride: 2, activation: "relu" },
    { kernel: 3, stride: 2, padding: "same" },
    { kernel: 2, stride: 2, padding: "same", activation: "relu6" },
    { kernel: 4, stride: 3, padding: "same" },
    { kernel: [3, 1], padding: "same" },
    { kernel: [2, 5], padding: "valid" },
    { kernel: 3, stride: [1, 2], padding: "same" },
    { kernel: 3, stride: [3, 1] },
    { kernel: 3, dilation: 2, padding: "same" },
    { kernel: [2, 3], dilation: [3, 2] },
  ];
}

function pools() {
  return [
    { size: 2 },
    { size: 3, stride: 2 },
    { size: 3, stride: 2, padding: "same" },
    { size: 2, padding: "same" },
    { size: 3, stride: 1, padding: "same" },
    { size: [3, 2], stride: [2, 3] },
    { size: [1, 4], stride: 1, padding: "same" },
    { size: [9, 8] },
  ];
}

function tensorOf(shape: Shape, seed: number): tf.Tensor {
  return tf.tensor(noise(size(shape), seed, [-3, 3]), [...shape]);
}

async function runOn(backend: "wasm" | "cpu", { layer, inputs = [IMAGE] }: Case, batch: number) {
  await startBackend(await loadWasmBinary());
  await tf.setBackend(backend);
  const { tensors, output } = shapeLayer(layer, inputs, "test");
  let numbers: Float32Array = new Float32Array();
  tf.tidy(() => {
    const y = runLayer(
      layer,
      tensors.map((shape, i) => tensorOf(shape, 100 + i)),
      inputs.map((shape, i) => tensorOf([batch, ...shape], i)),
    );
    assertEquals(y.shape, [batch, ...output]);
    numbers = y.dataSync<"float32">().slice();
  });
  await tf.setBackend("wasm");
  return numbers;
}

/** Largest difference, relative to the largest number. */
function difference(a: Float32Array, b: Float32Array): number {
  const largest = a.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i]!)), 0) / largest;
}

for (const one of CASES) {
  const { type, from: _, ...rest } = one.layer;
  const title = `${type} ${JSON.stringify(rest)} of ${
    (one.inputs ?? [IMAGE]).map((s) => s.join("×")).join(", ")
  }`;
  Deno.test(`layers: ${title} has the declared shape and agrees with the CPU backend`, async () => {
    for (const batch of [1, 3]) {
      const [cpu, wasm] = [await runOn("cpu", one, batch), await runOn("wasm", one, batch)];
      assert(difference(cpu, wasm) < 3e-6, `off by ${difference(cpu, wasm)} in a batch of ${batch}`);
    }
  });
}

Deno.test("layers: every type is compared with the CPU backend", () => {
  assertEquals(new Set(CASES.map(({ layer }) => layer.type)), new Set(LAYER_TYPES));
});

/** Two convolutions of the image, added, and concatenated with the image. */
const GRAPH: readonly Layer[] = [
  { type: "conv2d", filters: 2, kernel: 3, padding: "same" },
  { type: "conv2d", filters: 2, kernel: 1, from: [-1] },
  { type: "add", from: [0, 1] },
  { type: "activation", function: "tanh" },
  { type: "concatenate", from: [3, 0, -1] },
  { type: "globalAveragePool2d" },
];

Deno.test("layers: a graph runs along its edges, and outputs are released after their last use", async () => {
  await startBackend(await loadWasmBinary());
  const input = { width: 4, height: 5, channels: 1, mean: [0], std: [1] } as const;
  const shaped = shapeLayers(input, GRAPH, "graph");
  assertEquals(shaped.at(-1)!.output, [5]);
  assertEquals(lastUses(shaped), [4, 2, 3, 4, 5, 5]);
  const x = tensorOf([2, 5, 4, 1], 1) as tf.Tensor4D;
  const weights = noise(parameterCount(shaped), 2, [-3, 3]);
  const bytes = new Uint8Array(weights.buffer);
  using network = new Network(planNetwork([5, 4, 1], shaped, bytes, "float32"), [2]);
  const tensors = shaped.flatMap(({ tensors }) => tensors);
  const [first, firstBias, second, secondBias] = tensors.map((shape, i): tf.Tensor => {
    const start = tensors.slice(0, i).reduce((sum, other) => sum + size(other), 0);
    return tf.tensor(weights.slice(start, start + size(shape)), shape as number[]);
  });
  const byHand = tf.tidy(() => {
    const a = tf.add(tf.conv2d(x, first as tf.Tensor4D, 1, "same"), firstBias!);
    const b = tf.add(tf.conv2d(x, second as tf.Tensor4D, 1, "same"), secondBias!);
    return tf.mean(tf.concat([tf.tanh(tf.add(a, b)), a, x], -1), [1, 2]);
  });
  const before = tf.memory().numTensors;
  const y = tf.tidy(() => network.run(x));
  assertEquals(tf.memory().numTensors, before + 1);
  assert(difference(byHand.dataSync<"float32">(), y.dataSync<"float32">()) < 1e-6);
  assertEquals(x.isDisposed, false);
});
