import { ModelError } from "../../models/errors.ts";
import { FusedNetwork } from "../../models/layers/fused_network.ts";
import type { Layer } from "../../models/layers/layer.ts";
import { parameterCount, shapeLayers, size } from "../../models/layers/layers.ts";
import { Network } from "../../models/layers/network.ts";
import { type NetworkPlan, planNetwork } from "../../models/layers/network_plan.ts";
import { byteLayers, inBytes } from "../../models/layers/precision.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../../testing/assert.ts";
import { KINDS, withKernels } from "../fixtures/inference_kinds.ts";
import { runReference } from "../fixtures/int8_reference.ts";
import { noise } from "../fixtures/noise.ts";

type Image = readonly [height: number, width: number, channels: number];

const IMAGES = 7;

const conv = (filters: number, kernel: number | readonly [number, number], more: object = {}): Layer => ({
  type: "conv2d",
  filters,
  kernel,
  activation: "relu",
  ...more,
});
const dense = (units: number, more: object = {}): Layer => ({
  type: "dense",
  units,
  activation: "relu",
  ...more,
});
const pool = (side: number): Layer => ({ type: "maxPool2d", size: side });
const FLATTEN: Layer = { type: "flatten" };

/** What comes after a first layer of integers: all that is computed in its own way. */
const CHAINS: readonly (readonly [input: Image, layers: readonly Layer[]])[] = [
  ...[3, 4, 7].map((extent) =>
    [[extent, extent + 2, 1], [conv(8, 1), conv(20, 3, { padding: "same" })]] as const
  ),
  [[8, 10, 3], [conv(4, 2), conv(16, 3, { padding: "same" }), pool(2), conv(12, 3)]],
  [[9, 9, 1], [
    conv(16, 3),
    conv(12, 3, { padding: "same", activation: "relu6" }),
    pool(2),
    FLATTEN,
    dense(10),
  ]],
  [[7, 10, 1], [conv(12, 1), conv(8, 3, { padding: "same" }), pool(3), conv(4, 1, { activation: "linear" })]],
  [[11, 9, 2], [conv(8, 1), conv(8, [3, 5], { stride: [2, 1], padding: "same" }), conv(4, 2, { stride: 2 })]],
  [[1, 1, 7], [
    FLATTEN,
    dense(10),
    dense(100),
    dense(37, { activation: "relu6" }),
    dense(3, { activation: "linear" }),
  ]],
  [[6, 6, 4], [conv(8, 3, { padding: "same" }), pool(2), FLATTEN, dense(100), dense(10)]],
];

function planOf(input: Image, layers: readonly Layer[], weights?: Float32Array): NetworkPlan {
  const [height, width, channels] = input;
  const form = { height, width, channels: channels as 1 | 3, mean: [0], std: [1] };
  const shaped = shapeLayers(form, layers, "test");
  const numbers = weights ?? noise(parameterCount(shaped), 3, [-1, 1]);
  return planNetwork(input, shaped, new Uint8Array(numbers.slice().buffer), "float32");
}

/** The first layer has small integers as weights and bias, and the range 127: its sums are exact, and so are its bytes. */
function inExactBytes(input: Image, layers: readonly Layer[]): NetworkPlan {
  const plain = planOf(input, layers);
  const first = plain.parameters.find((tensors) => tensors.length > 0)!;
  for (const tensor of first) tensor.forEach((weight, i) => tensor[i] = Math.round(weight * 3));
  const ranges = plain.shaped.map((_, layer) => byteLayers(plain).indexOf(layer)).map((i) =>
    i < 0 ? 0 : i === 0 ? 127 : 20.7 * i
  );
  return inBytes(plain, ranges, "test");
}

function check(input: Image, layers: readonly Layer[]): void {
  const plan = inExactBytes(input, layers);
  const chain = plan.segments.find(({ fused }) => fused !== undefined)!;
  const { operations } = chain.fused!;
  assert(operations.some(({ inputRange }) => inputRange !== undefined), "nothing is computed in bytes");
  const images = noise(IMAGES * size(input), 4, [-2, 9]).map(Math.round);
  using network = new FusedNetwork({ ...plan, segments: [chain] }, [1, 8]);
  const actual = network.predict(images, IMAGES);
  const each = Array.from(
    { length: IMAGES },
    (_, i) => images.subarray(i * size(input), (i + 1) * size(input)),
  );
  const expected = each.flatMap((image) => runReference(operations, Array.from(image), input));
  assert(new Set(expected).size > 3, "the expected numbers are too few to show anything");
  assertEquals(Array.from(actual), expected);
  assertEquals(each.flatMap((image) => Array.from(network.predict(image, 1))), expected);
}

for (const kind of KINDS) {
  for (const [input, layers] of CHAINS) {
    const title = `${input.join("×")} ${layers.map((layer) => JSON.stringify(layer)).join(" ")}`;
    Deno.test(`int8: ${title} gives exactly the documented numbers, in any batch (${kind} SIMD)`, async () => {
      await withKernels(kind, () => check(input, layers));
    });
  }
}

const MIXED: readonly Layer[] = [
  conv(8, 3, { padding: "same" }),
  conv(8, 3, { padding: "same" }),
  conv(8, 3, { padding: "same" }),
  conv(8, 3, { padding: "same", activation: "linear" }),
  { type: "add", from: [0, 3] },
  conv(8, 1, { from: [4], activation: "linear" }),
  conv(12, 1),
  pool(2),
  FLATTEN,
  dense(5, { activation: "linear" }),
];

Deno.test("int8: what TensorFlow.js runs, and what is not after a relu, stays in float32", async () => {
  const input: Image = [6, 6, 3];
  const plan = planOf(input, MIXED);
  assertEquals(byteLayers(plan), [1, 2, 6]);
  const images = noise(4 * size(input), 4, [-1, 1]);
  await withKernels("plain", () => {
    const ranges = MIXED.map(() => 0);
    using float32 = new Network(plan, [4], (layer, numbers) => {
      if (byteLayers(plan).includes(layer)) ranges[layer] = Math.max(...numbers);
    });
    const expected = float32.predict(images, 4);
    using int8 = new Network(inBytes(plan, ranges, "test"), [4]);
    const actual = int8.predict(images, 4);
    const largest = Math.max(...expected.map(Math.abs));
    const difference = Math.max(...expected.map((number, i) => Math.abs(number - actual[i]!)));
    assert(difference > 0 && difference < largest / 10, `off by ${difference} of ${largest}`);
  });
});

for (const layer of [0, 3, 9]) {
  Deno.test(`int8: a range of layer ${layer}, which cannot give bytes, is refused`, () => {
    const plan = planOf([6, 6, 3], MIXED);
    const error = assertThrows(
      () => inBytes(plan, MIXED.map((_, i) => i === layer ? 4 : 0), "mixed"),
      ModelError,
    );
    assertEquals(error.code, "invalid_manifest");
    assertStringIncludes(error.message, `mixed: calibration.ranges[${layer}] is 4; it must be 0, because`);
  });
}

Deno.test("int8: a sum that could exceed 32 bits is taken in float32", () => {
  const layers = [conv(4, 1), FLATTEN, dense(2, { activation: "linear" })];
  const weights = (units: number) => new Float32Array(8 + 2 * units + 2);
  assertEquals(byteLayers(planOf([181, 181, 1], layers, weights(181 * 181 * 4))), [0]);
  assertEquals(byteLayers(planOf([182, 182, 1], layers, weights(182 * 182 * 4))), []);
});
