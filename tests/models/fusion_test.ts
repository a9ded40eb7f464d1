import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { fuseLayers } from "../../models/layers/fusion.ts";
import type { Layer } from "../../models/layers/layer.ts";
import { parameterCount, type ShapedLayer, shapeLayers, size } from "../../models/layers/layers.ts";
import { Network } from "../../models/layers/network.ts";
import { planNetwork, toFloat32 } from "../../models/layers/network_plan.ts";
import { runLayer } from "../../models/layers/run_layer.ts";
import { loadModels } from "../../models/registry.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { LEGACY } from "../../training/recipes/legacy.ts";
import { KINDS, withKernels } from "../fixtures/inference_kinds.ts";
import { noise } from "../fixtures/noise.ts";

type Image = readonly [height: number, width: number, channels: number];

const BATCHES = [1, 2, 4, 8];

/** Runs the layers one after the other on TensorFlow.js. */
function byTensorFlow(
  input: Image,
  shaped: readonly ShapedLayer[],
  weights: Float32Array,
  images: Float32Array,
) {
  let logits: Float32Array = new Float32Array();
  tf.tidy(() => {
    let offset = 0;
    const outputs = [tf.tensor(images, [images.length / size(input), ...input])];
    for (const { layer, tensors, from } of shaped) {
      const parameters = tensors.map((shape) =>
        tf.tensor(weights.subarray(offset, offset += size(shape)), [...shape])
      );
      outputs.push(
        runLayer(layer, parameters, from.map((index) => outputs[index + 1]!)) as tf.Tensor<tf.Rank>,
      );
    }
    logits = outputs.at(-1)!.dataSync<"float32">().slice();
  });
  return logits;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  assertEquals(a.length, b.length);
  return a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i]!)), 0);
}

function shape([height, width, channels]: Image, layers: readonly Layer[]): ShapedLayer[] {
  const input = { height, width, channels: channels as 1 | 3, mean: [0], std: [1] };
  return shapeLayers(input, layers, "test");
}

/** Largest difference from TensorFlow.js, relative to the largest number; the same images are the same in any batch. */
function check(input: Image, layers: readonly Layer[]): void {
  const shaped = shape(input, layers);
  const weights = noise(parameterCount(shaped), 3, [-1, 1]);
  const images = noise(7 * size(input), 4, [-2, 2]);
  using network = new Network(planNetwork(input, shaped, new Uint8Array(weights.buffer), "float32"), BATCHES);
  const expected = byTensorFlow(input, shaped, weights, images);
  const actual = network.predict(images, 7);
  const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const difference = largestDifference(actual, expected) / largest;
  assert(difference < 1e-5, `off by ${difference}`);
  for (const count of [1, 2]) {
    const last = network.predict(images.subarray((7 - count) * size(input)), count);
    assertEquals(last, actual.slice(-last.length));
  }
}

const conv = (filters: number, kernel: number | readonly [number, number], more: object = {}): Layer => ({
  type: "conv2d",
  filters,
  kernel,
  ...more,
});

/** All that is computed in its own way: sizes of tiles, strides, kernels that are unrolled, numbers of filters. */
const FUSED: readonly (readonly [input: Image, layers: readonly Layer[]])[] = [
  ...[2, 3, 4, 5, 6, 7, 9, 13].flatMap((extent) =>
    ["valid", "same"].map((padding) =>
      [[extent + 2, extent + 3, 4], [conv(20, 3, { padding, activation: "relu" })]] as const
    )
  ),
  ...[4, 5, 6, 7, 12].map((extent) =>
    [[extent, extent + 1, 8], [conv(12, 3, { padding: "same" }), { type: "maxPool2d", size: 2 }]] as const
  ),
  [[7, 10, 12], [conv(8, 3, { padding: "same" }), { type: "maxPool2d", size: 3 }]],
  [[9, 9, 1], [conv(12, 2, { activation: "relu6" })]],
  [[9, 9, 3], [conv(8, 2), conv(16, 3, { padding: "same" })]],
  [[8, 9, 3], [conv(16, 3, { padding: "same", activation: "relu" }), { type: "maxPool2d", size: 2 }]],
  [[11, 9, 1], [conv(8, 3), { type: "maxPool2d", size: 2 }, { type: "flatten" }, {
    type: "dense",
    units: 7,
  }]],
  [[11, 9, 2], [conv(4, [3, 5], { stride: [2, 1], padding: "same" })]],
  [[10, 9, 5], [conv(4, 4, { stride: 3, padding: "same" }), conv(12, 1)]],
  [[1, 1, 700], [{ type: "flatten" }, { type: "dense", units: 100, activation: "relu" }, {
    type: "dense",
    units: 10,
  }]],
  [[5, 6, 4], [conv(4, 3, { padding: "same" })]],
];

for (const kind of KINDS) {
  for (const [input, layers] of FUSED) {
    const title = `${input.join("×")} ${
      layers.map(({ from: _, ...layer }) => JSON.stringify(layer)).join(" ")
    }`;
    Deno.test(`fusion: ${title} agrees with TensorFlow.js (${kind} SIMD)`, async () => {
      await withKernels(kind, () => check(input, layers));
    });
  }
}

function segments(input: Image, layers: readonly Layer[]): string[] {
  const shaped = shape(input, layers);
  const weights = shaped.map(({ tensors }) => tensors.map((shape) => new Float32Array(size(shape))));
  return fuseLayers(input, shaped, weights).map(({ first, last, fused }) =>
    `${first}–${last}${fused ? ` in ${fused.operations.length}` : " by TensorFlow.js"}`
  );
}

/** Layers of which some are left to TensorFlow.js. */
const MIXED: readonly (readonly [input: Image, layers: readonly Layer[], segments: readonly string[]])[] = [
  [[9, 9, 4], [conv(8, 3, { dilation: 2 }), conv(8, 3), conv(6, 1)], [
    "0–0 by TensorFlow.js",
    "1–1 in 1",
    "2–2 by TensorFlow.js",
  ]],
  [[9, 9, 4], [conv(8, 3), { type: "maxPool2d", size: 3, stride: 2 }, conv(8, 3, { padding: "same" })], [
    "0–0 in 1",
    "1–1 by TensorFlow.js",
    "2–2 in 1",
  ]],
  [
    [6, 6, 4],
    [
      conv(4, 3, { padding: "same" }),
      conv(4, 3, { padding: "same", activation: "relu" }),
      conv(4, 3, { padding: "same" }),
      { type: "add", from: [0, 2] },
      { type: "globalAveragePool2d" },
      { type: "dense", units: 3 },
    ],
    ["0–0 in 1", "1–2 in 2", "3–3 by TensorFlow.js", "4–4 by TensorFlow.js", "5–5 in 1"],
  ],
];

for (const [input, layers, expected] of MIXED) {
  Deno.test(`fusion: of ${layers.map(({ type }) => type).join(", ")} a part is fused, with the same result`, async () => {
    assertEquals(segments(input, layers), expected);
    await withKernels("plain", () => check(input, layers));
  });
}

Deno.test("fusion: the networks of the shipped models and of the legacy system are fused as one", async () => {
  for (const { manifest: { input, layers } } of await loadModels()) {
    assertEquals(segments([input.height, input.width, input.channels], layers).length, 1);
  }
  assertEquals(segments([28, 28, 1], LEGACY.layers), ["0–4 in 3"]);
});

for (const kind of KINDS) {
  Deno.test(`fusion: logits of the shipped models differ by less than 1e-4 from TensorFlow.js (${kind} SIMD)`, async () => {
    await withKernels(kind, async () => {
      for (const { manifest: { name, input, layers, weights: { dtype } }, weights } of await loadModels()) {
        const image = [input.height, input.width, input.channels] as const;
        const shaped = shapeLayers(input, layers, name);
        const images = noise(4 * size(image), 5, [-1, 3]);
        using network = new Network(planNetwork(image, shaped, weights, dtype), [4]);
        const expected = byTensorFlow(image, shaped, toFloat32(weights, dtype), images);
        const difference = largestDifference(network.predict(images, 4), expected);
        assert(difference < 1e-4, `${name} is off by ${difference}`);
      }
    });
  });
}
