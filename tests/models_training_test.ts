import "npm:@tensorflow/tfjs-backend-cpu@4.22.0";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { startBackend } from "../models/backend.ts";
import type { DataSet } from "../models/datasets/data_set.ts";
import { ModelError } from "../models/errors.ts";
import { shapeLayers } from "../models/layers.ts";
import { loadModels } from "../models/registry.ts";
import { adamStep, learningRateAt } from "../models/training/adam.ts";
import { prepareBatch } from "../models/training/augment.ts";
import { crossEntropy, fitTemperature } from "../models/training/calibrate.ts";
import { readCheckpoint, writeCheckpoint } from "../models/training/checkpoint.ts";
import { fitEpoch, startFit } from "../models/training/fit.ts";
import type { FitTask, Progress } from "../models/training/fit.ts";
import { conv2d, maxPool2d } from "../models/training/gradients.ts";
import { lossAndGradient } from "../models/training/loss.ts";
import { Random } from "../models/training/random.ts";
import { RECIPES } from "../models/training/recipes.ts";
import type { Recipe } from "../models/training/recipes.ts";
import { train } from "../models/training/train.ts";
import { writeModel } from "../models/training/write_model.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "./assert.ts";

type Arrays = readonly Float32Array[];

/** Value and gradients of the sum of (result + 1)² of an operation, on one of TensorFlow.js's backends. */
async function gradientsOn(
  backend: "wasm" | "cpu",
  operation: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly { values: Float32Array; shape: number[] }[],
): Promise<Arrays> {
  if (backend === "wasm") await startBackend(await loadWasmBinary());
  await tf.setBackend(backend);
  const result: Float32Array[] = [];
  tf.tidy(() => {
    const tensors = inputs.map(({ values, shape }) => tf.tensor(values, shape));
    const loss = (...args: tf.Tensor[]) => tf.sum(tf.square(tf.add(operation(...args), 1))) as tf.Scalar;
    const { value, grads } = tf.valueAndGrads(loss)(tensors);
    for (const tensor of [value, ...grads]) result.push(tensor.dataSync<"float32">().slice());
  });
  await tf.setBackend("wasm");
  return result;
}

function noise(shape: number[], seed: number): { values: Float32Array; shape: number[] } {
  const random = new Random(seed, 0);
  const count = shape.reduce((a, b) => a * b, 1);
  return { values: Float32Array.from({ length: count }, () => random.integer(-1000, 1000) / 1000), shape };
}

/** Largest difference, as a share of the largest number. */
function difference(a: Arrays, b: Arrays): number {
  assertEquals(a.map(({ length }) => length), b.map(({ length }) => length));
  return Math.max(...a.map((values, i) => {
    const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    return values.reduce((max, value, k) => Math.max(max, Math.abs(value - b[i]![k]!)), 0) / largest;
  }));
}

for (const padding of ["same", "valid"] as const) {
  for (const [activation, kernel] of [["relu", 3], ["linear", 3], ["relu", 5], ["linear", 1]] as const) {
    Deno.test(`gradients: convolution ${kernel}×${kernel}, ${padding}, ${activation} agrees with the plain backend`, async () => {
      const inputs = [noise([3, 7, 9, 2], 1), noise([kernel, kernel, 2, 4], 2), noise([4], 3)];
      const ours = await gradientsOn(
        "wasm",
        (x, k, b) =>
          conv2d(x as tf.Tensor4D, k as tf.Tensor4D, b as tf.Tensor1D, {
            padding,
            activation,
            inputGradient: true,
          }),
        inputs,
      );
      const plain = await gradientsOn("cpu", (x, k, b) => {
        const sum = tf.add(tf.conv2d(x as tf.Tensor4D, k as tf.Tensor4D, 1, padding), b!);
        return activation === "relu" ? tf.relu(sum) : sum;
      }, inputs);
      assert(difference(plain, ours) < 1e-5);
    });
  }
}

for (const size of [2, 3]) {
  Deno.test(`gradients: maximum over ${size}×${size} agrees with the plain backend`, async () => {
    const inputs = [noise([2, 7, 8, 3], 4)];
    const ours = await gradientsOn("wasm", (x) => maxPool2d(x as tf.Tensor4D, size), inputs);
    const plain = await gradientsOn("cpu", (x) => tf.maxPool(x as tf.Tensor4D, size, size, "valid"), inputs);
    assert(difference(plain, ours) < 1e-6);
  });
}

const INPUT = { width: 6, height: 6, channels: 1, mean: [0.5], std: [0.5] } as const;

Deno.test("gradients: the loss of a whole network changes as its gradient says", async () => {
  await startBackend(await loadWasmBinary());
  const layers = shapeLayers(INPUT, [
    { type: "conv2d", filters: 3, kernel: 3, padding: "same", activation: "relu" },
    { type: "maxPool2d", size: 2 },
    { type: "flatten" },
    { type: "dense", units: 5, activation: "relu" },
    { type: "dense", units: 4 },
  ], "test");
  const parameters = noise([3 * 9 + 3 + 27 * 5 + 5 + 5 * 4 + 4], 5).values;
  const batch = { input: noise([2 * 36], 6).values, labels: Uint8Array.of(1, 3) };
  const lossAt = (p: Float32Array) => lossAndGradient(layers, [6, 6, 1], p, batch, 0.1);
  const { gradient } = lossAt(parameters);
  const tensors = tf.memory().numTensors;
  for (const i of [0, 10, 28, 31, 100, 165, 180, 192]) {
    const step = 1e-2;
    const [more, less] = [step, -step].map((d) => lossAt(parameters.with(i, parameters[i]! + d)).loss);
    assert(Math.abs((more! - less!) / (2 * step) - gradient[i]!) < 2e-3, `parameter ${i}`);
  }
  assertEquals(tf.memory().numTensors, tensors);
});

Deno.test("adam: it finds the lowest point of a bowl", () => {
  const parameters = Float32Array.of(5, -3);
  const state = { mean: new Float32Array(2), square: new Float32Array(2) };
  for (let step = 0; step < 500; step++) {
    const gradient = Float32Array.of(2 * (parameters[0]! - 1), 20 * (parameters[1]! - 2));
    const schedule = { learningRate: 0.1, warmUp: 0.1, weightDecay: 0 };
    adamStep(parameters, gradient, state, step, learningRateAt(schedule, step, 500), 0);
  }
  assert(Math.abs(parameters[0]! - 1) < 0.01 && Math.abs(parameters[1]! - 2) < 0.01, String(parameters));
});

Deno.test("adam: the first step is as long as the rate, whatever the gradient; the decay comes on top", () => {
  const parameters = Float32Array.of(1, 1, 2);
  const state = { mean: new Float32Array(3), square: new Float32Array(3) };
  adamStep(parameters, Float32Array.of(1e-3, -500, 0), state, 0, 0.125, 0.5);
  assertEquals([...parameters].map((value) => Math.round(value * 1e4) / 1e4), [0.8125, 1.0625, 1.875]);
});

Deno.test("adam: the learning rate rises, then falls to almost nothing", () => {
  const rates = [0, 4, 9, 10, 54, 99].map((step) =>
    learningRateAt({ learningRate: 1, warmUp: 0.1, weightDecay: 0 }, step, 100)
  );
  assertEquals(rates.map((rate) => Math.round(rate * 1000) / 1000), [0.1, 0.5, 1, 1, 0.511, 0.011]);
});

function tinyData(count: number): DataSet {
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
  const pixels = new Uint8Array(count * 36);
  // Class 1 has a bright left half.
  labels.forEach((label, i) => {
    for (let p = 0; p < 36; p++) {
      pixels[i * 36 + p] = (p % 6 < 3 ? label : 1 - label) * 200 + (i * 7 + p) % 50;
    }
  });
  return {
    title: "halves",
    width: 6,
    height: 6,
    channels: 1,
    count,
    pixels,
    labels,
    classes: ["right", "left"],
  };
}

Deno.test("augmentation: nothing is changed without it; a shift brings black in; a mirror swaps the sides", () => {
  const data: DataSet = { ...tinyData(1), pixels: Uint8Array.from({ length: 36 }, (_, i) => i + 1) };
  const spec = { ...INPUT, mean: [0], std: [1 / 255] };
  const prepare = (shift: number, mirror: boolean, seed: number) =>
    [...prepareBatch(data, [0], spec, { shift, mirror }, new Random(seed, 0))].map(Math.round);
  assertEquals(prepare(0, false, 1), [...data.pixels]);
  const mirrors = new Set(Array.from({ length: 20 }, (_, seed) => prepare(0, true, seed).slice(0, 6).join()));
  assertEquals(mirrors, new Set(["1,2,3,4,5,6", "6,5,4,3,2,1"]));
  const shifted = Array.from({ length: 60 }, (_, seed) => prepare(1, false, seed));
  assertEquals(new Set(shifted.map((image) => image.join())).size, 9);
  assert(shifted.every((image) => image.filter((value) => value === 0).length <= 11));
});

const RECIPE: Recipe = {
  ...RECIPES[0]!,
  name: "halves",
  labels: ["right", "left"],
  layers: [
    { type: "conv2d", filters: 4, kernel: 3, padding: "same", activation: "relu" },
    { type: "maxPool2d", size: 2 },
    { type: "flatten" },
    { type: "dense", units: 2 },
  ],
  epochs: 3,
  batch: 20,
  augmentation: { shift: 1, mirror: false },
};

function tinyTask(): FitTask {
  const input = { ...INPUT };
  const layers = shapeLayers(input, RECIPE.layers, "test");
  return { recipe: RECIPE, input, layers, train: tinyData(400), validation: tinyData(50) };
}

Deno.test("training: a small network learns, and says how far it is", async () => {
  await startBackend(await loadWasmBinary());
  const task = tinyTask();
  const reports: Progress[] = [];
  let state = startFit(task);
  for (let epoch = 0; epoch < RECIPE.epochs; epoch++) {
    state = await fitEpoch(task, state, (report) => reports.push(report));
  }
  const last = reports.at(-1)!;
  assertEquals([last.epoch, last.epochs, last.share, last.validationAccuracy, last.secondsLeft], [
    3,
    3,
    1,
    1,
    0,
  ]);
  assert(last.loss < reports[0]!.loss && last.imagesPerSecond > 0);
});

Deno.test("training: the same seed gives the same weights, also when it goes on from a kept state", async () => {
  await startBackend(await loadWasmBinary());
  const run = async (pause: boolean): Promise<Float32Array> => {
    const task = tinyTask();
    let state = startFit(task);
    for (let epoch = 0; epoch < RECIPE.epochs; epoch++) {
      state = await fitEpoch(task, pause ? structuredClone(state) : state, () => {});
    }
    return state.parameters;
  };
  assertEquals(await run(true), await run(false));
});

Deno.test("training: a kept state is read back, and refused for another recipe or as another file", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = new URL(`file://${directory}/training.checkpoint`);
    assertEquals(await readCheckpoint(file, RECIPE), undefined);
    const state = startFit(tinyTask());
    await writeCheckpoint(file, RECIPE, state);
    assertEquals(await readCheckpoint(file, { ...RECIPE, description: "other words" }), state);
    const other = { ...RECIPE, seed: RECIPE.seed + 1 };
    assertStringIncludes(
      (await assertRejects(() => readCheckpoint(file, other), ModelError)).message,
      "another recipe",
    );
    await Deno.writeTextFile(file, "something else");
    assertStringIncludes(
      (await assertRejects(() => readCheckpoint(file, RECIPE), ModelError)).message,
      "not a checkpoint",
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("training: what is written is served, and its card and manifest say what was measured", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await startBackend(await loadWasmBinary());
    const task = tinyTask();
    let state = startFit(task);
    for (let epoch = 0; epoch < RECIPE.epochs; epoch++) state = await fitEpoch(task, state, () => {});
    const model = { ...task, ...state, temperature: 1.25, validationAccuracy: 1 };
    const { evaluation } = await writeModel(new URL(`file://${directory}/halves/`), model, tinyData(40));
    assertEquals([evaluation.correct, evaluation.images, evaluation.confusion], [40, 40, [[20, 0], [0, 20]]]);
    const [files] = await loadModels({ dirs: [directory], shipped: false });
    assertEquals(files?.manifest.evaluation, { data: "halves", images: 40, accuracy: 1 });
    assertStringIncludes(await Deno.readTextFile(`${directory}/halves/card.md`), "40 of 40 (100.00 %)");
    const samples = [...Deno.readDirSync(`${directory}/halves/samples`)].map(({ name }) => name).sort();
    assertEquals(samples, ["0-right.png", "1-left.png"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("training: it ends between two steps when it is told to", async () => {
  await startBackend(await loadWasmBinary());
  const task = { ...tinyTask(), train: tinyData(4000) };
  const controller = new AbortController();
  const fitting = fitEpoch(
    task,
    startFit(task),
    () => controller.abort(new Error("enough")),
    controller.signal,
  );
  await assertRejects(() => fitting, Error, "enough");
});

Deno.test("calibration: the temperature found is the one that made the logits too sharp", () => {
  const random = new Random(1, 0);
  const labels = new Uint8Array(4000);
  const logits = new Float32Array(4000 * 2);
  for (let i = 0; i < labels.length; i++) {
    const margin = random.integer(-300, 300) / 100;
    labels[i] = random.integer(0, 1_000_000) / 1_000_000 < 1 / (1 + Math.exp(-margin)) ? 1 : 0;
    logits[2 * i + 1] = 2 * margin;
  }
  const temperature = fitTemperature(logits, labels);
  assert(Math.abs(temperature - 2) < 0.2, String(temperature));
  assert(crossEntropy(logits, labels, temperature) < crossEntropy(logits, labels, 1));
});

Deno.test("training: a recipe that is not there is named, with those that are", async () => {
  const error = await assertRejects(() => train({ recipe: "cifar" }), ModelError);
  assertStringIncludes(error.message, 'no recipe "cifar"; there are fashion-mnist, mnist');
});

Deno.test("training: the shipped models are those of the recipes", async () => {
  for (const { manifest } of await loadModels()) {
    const recipe = RECIPES.find(({ name }) => name === manifest.name);
    assertEquals([recipe?.layers, recipe?.labels, recipe?.version], [
      manifest.layers,
      manifest.labels,
      manifest.version,
    ]);
  }
});
