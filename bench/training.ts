/**
 * How fast a recipe is trained: by all Workers, by one, and by TensorFlow.js's own gradients on WASM, in turn.
 *
 *     deno task bench:training [RECIPE] [--data DIR]
 *
 * The gradient by a convolution's kernel is not in TensorFlow.js's WASM backend; for the comparison it is filled in as the
 * plainest correct thing: for each place of the kernel, the product of the shifted images and the gradient.
 *
 * @module
 */
import "npm:@tensorflow/tfjs@4.22.0";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { parseArgs } from "node:util";
import { startBackend } from "../models/backend.ts";
import type { ShapedLayer } from "../models/layers/layers.ts";
import { fit, startFit } from "../training/fitting/fit.ts";
import { EPSILON } from "../training/fitting/operations.ts";
import { listParameters, toTensors } from "../training/fitting/parameters.ts";
import { findRecipe } from "../training/recipes/recipes.ts";
import type { TrainingTask } from "../training/fitting/shard.ts";
import { prepareTask, readTrainingData } from "../training/fitting/task.ts";
import { Team } from "../training/fitting/team.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";

const ROUNDS = 3;
const STEPS = 6;

const { values: { data }, positionals: [name = "mnist"] } = parseArgs({
  options: { data: { type: "string" } },
  allowPositionals: true,
});
const recipe = findRecipe(name);
const task = prepareTask({ ...recipe, epochs: 1 }, await readTrainingData(recipe.data, "train", data));
const wasm = await loadWasmBinary();
await startBackend(wasm);
fillIn();

const cores = navigator.hardwareConcurrency;
const speeds: Record<string, number[]> = {};
for (let round = 0; round < ROUNDS; round++) {
  (speeds[`${cores} Workers`] ??= []).push(await withTeam(cores));
  (speeds["1 Worker"] ??= []).push(await withTeam(1));
  (speeds["TensorFlow.js's gradients, 1 thread"] ??= []).push(shipped(task));
}
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const slowest = median(Object.values(speeds).at(-1)!);
for (const [what, all] of Object.entries(speeds)) {
  const speed = median(all);
  const times = `${(speed / slowest).toFixed(1)}×`;
  console.log(`${what.padEnd(36)} ${String(Math.round(speed)).padStart(6)} images/s ${times.padStart(7)}`);
}
const ratios = speeds[`${cores} Workers`]!.map((speed, i) => speed / speeds["1 Worker"]![i]!);
console.log(
  `${cores} Workers are ${median(ratios).toFixed(2)} times as fast as one (median of ${ROUNDS} pairs)`,
);

async function withTeam(workers: number): Promise<number> {
  await using team = await Team.start(task, workers, wasm);
  const controller = new AbortController();
  let [steps, begun, seconds] = [0, 0, 0];
  const onProgress = () => {
    // The first step warms up.
    if (steps === 0) begun = performance.now();
    if (steps++ < STEPS) return;
    seconds = (performance.now() - begun) / 1000;
    controller.abort();
  };
  await fit(task, team, startFit(task), { onProgress, signal: controller.signal }).catch(() => {});
  return STEPS * recipe.batch / seconds;
}

/** The same network on the operations and gradients that TensorFlow.js has, one shard at a time. */
function shipped({ layers, recipe, input: { height, width, channels } }: TrainingTask): number {
  const parameters = listParameters(layers, recipe);
  const { parameters: numbers } = startFit(task);
  const shape = [recipe.shard, height, width, channels] as const;
  const step = () =>
    tf.tidy(() => {
      const images = tf.randomNormal([...shape]);
      const tensors = toTensors(parameters, numbers);
      const wanted = tf.oneHot(tf.zeros([recipe.shard], "int32"), task.train.classes.length);
      const learning = tensors.filter((_, i) => parameters[i]!.kind !== "fixed");
      const loss = () =>
        tf.losses.softmaxCrossEntropy(wanted, plainForward(layers, tensors, images)) as tf.Scalar;
      const { grads } = tf.valueAndGrads(loss)(learning);
      for (const gradient of grads) gradient.dataSync();
    });
  step();
  const begun = performance.now();
  for (let i = 0; i < 2; i++) step();
  return 2 * recipe.shard / ((performance.now() - begun) / 1000);
}

function plainForward(
  layers: readonly ShapedLayer[],
  tensors: readonly tf.Tensor[],
  images: tf.Tensor,
): tf.Tensor {
  let next = 0;
  return layers.reduce<tf.Tensor>((x, { layer, tensors: { length } }, i) => {
    const [kernel, bias] = tensors.slice(next, next + length);
    next += length;
    switch (layer.type) {
      case "conv2d": {
        const z = tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, layer.padding ?? "valid");
        return tf.relu(tf.add(recipe.batchNorm && i > 0 ? normalise(z) : z, bias!));
      }
      case "maxPool2d":
        return tf.maxPool(x as tf.Tensor4D, layer.size as number, layer.size as number, "valid");
      case "flatten":
        return tf.reshape(x, [x.shape[0]!, -1]);
      case "dense":
        return tf.add(tf.matMul(x, kernel!), bias!);
      default:
        throw new Error(`${layer.type} is not compared`);
    }
  }, images);
}

function normalise(z: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(z, [0, 1, 2]);
  return tf.div(tf.sub(z, mean), tf.sqrt(tf.add(variance, EPSILON)));
}

function fillIn(): void {
  tf.registerKernel({
    kernelName: "Conv2DBackpropFilter",
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs }) => {
      const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D };
      const { pad, filterShape } = attrs as unknown as {
        pad: "same" | "valid";
        filterShape: [number, number, number, number];
      };
      return tf.tidy(() => gradientByKernel(x, dy, pad, filterShape));
    },
  });
}

function gradientByKernel(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  padding: "same" | "valid",
  [side, , channels, filters]: [number, number, number, number],
): tf.Tensor {
  const [images, rows, columns] = dy.shape;
  const zeros = padding === "same" ? (side - 1) / 2 : 0;
  const padded = tf.pad(tf.clone(x), [[0, 0], [zeros, zeros], [zeros, zeros], [0, 0]]);
  const gradient = tf.reshape(tf.clone(dy), [-1, filters]);
  const places: tf.Tensor[] = [];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const window = tf.slice(padded, [0, row, column, 0], [images, rows, columns, channels]);
      places.push(tf.matMul(tf.transpose(tf.reshape(window, [-1, channels])), gradient));
    }
  }
  return tf.reshape(tf.stack(places), [side, side, channels, filters]);
}
