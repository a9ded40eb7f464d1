/**
 * `deno task bench:training`: how fast a recipe trains with all Workers, with one, and with TensorFlow.js's
 * own gradients on WASM, in turn.
 *
 * TensorFlow.js's WASM backend lacks the gradient of a convolution with respect to its kernel; for the
 * comparison it is implemented in the simplest way: for each position of the kernel, the product of the
 * shifted images and the gradient.
 *
 * @module
 */
import { median } from "../lib/median.ts";
import "npm:@tensorflow/tfjs@4.22.0";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { DATA_OPTION } from "../cli/options.ts";
import { runTask } from "../cli/task.ts";
import { columns, print } from "../cli/ui/terminal.ts";
import { startBackend } from "../models/backend.ts";
import { fit, startFit } from "../training/fitting/fit.ts";
import { EPSILON } from "../training/fitting/operations.ts";
import { listParameters, toTensors } from "../training/fitting/parameters.ts";
import { findRecipe } from "../training/recipes/recipes.ts";
import type { TrainingTask } from "../training/fitting/training_task.ts";
import { prepareTask, readTrainingData } from "../training/fitting/task.ts";
import { Team } from "../training/fitting/team.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";

const ROUNDS = 3;
const STEPS = 6;

/** What every measurement trains. */
interface Trial {
  readonly task: TrainingTask;
  readonly wasm: WebAssembly.Module;
}

/** Images per second of a team of Workers. */
async function withTeam({ task, wasm }: Trial, workers: number): Promise<number> {
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
  return STEPS * task.recipe.batch / seconds;
}

/**
 * Images per second of the same network with TensorFlow.js's operations and gradients, one shard at a time.
 */
function withoutTeam(task: TrainingTask): number {
  const { layers, recipe, input: { height, width, channels } } = task;
  const parameters = listParameters(layers, recipe);
  const { parameters: numbers } = startFit(task);
  const shape = [recipe.shard, height, width, channels] as const;
  const step = () =>
    tf.tidy(() => {
      const images = tf.randomNormal([...shape]);
      const tensors = toTensors(parameters, numbers);
      const labels = tf.oneHot(tf.zeros([recipe.shard], "int32"), task.train.classes.length);
      const trainable = tensors.filter((_, i) => parameters[i]!.kind !== "fixed");
      const loss = () =>
        tf.losses.softmaxCrossEntropy(labels, plainForward(task, tensors, images)) as tf.Scalar;
      const { grads } = tf.valueAndGrads(loss)(trainable);
      for (const gradient of grads) gradient.dataSync();
    });
  step();
  const begun = performance.now();
  for (let i = 0; i < 2; i++) step();
  return 2 * recipe.shard / ((performance.now() - begun) / 1000);
}

function plainForward(
  { layers, recipe }: TrainingTask,
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
        throw new Error(`${layer.type} is not part of the comparison`);
    }
  }, images);
}

function normalise(z: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(z, [0, 1, 2]);
  return tf.div(tf.sub(z, mean), tf.sqrt(tf.add(variance, EPSILON)));
}

function registerKernelGradient(): void {
  tf.registerKernel({
    kernelName: "Conv2DBackpropFilter",
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs }) => {
      const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D };
      const { pad, filterShape } = attrs as unknown as {
        pad: "same" | "valid";
        filterShape: [number, number, number, number];
      };
      return tf.tidy(() => kernelGradient(x, dy, pad, filterShape));
    },
  });
}

function kernelGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  padding: "same" | "valid",
  [side, , channels, filters]: [number, number, number, number],
): tf.Tensor {
  const [images, rows, columns] = dy.shape;
  const zeros = padding === "same" ? (side - 1) / 2 : 0;
  const padded = tf.pad(tf.clone(x), [[0, 0], [zeros, zeros], [zeros, zeros], [0, 0]]);
  const gradient = tf.reshape(tf.clone(dy), [-1, filters]);
  const products: tf.Tensor[] = [];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const window = tf.slice(padded, [0, row, column, 0], [images, rows, columns, channels]);
      products.push(tf.matMul(tf.transpose(tf.reshape(window, [-1, channels])), gradient));
    }
  }
  return tf.reshape(tf.stack(products), [side, side, channels, filters]);
}

await runTask({
  name: "bench:training",
  summary:
    "Measure how fast a recipe trains, compared with one Worker and with TensorFlow.js's own gradients",
  operands: { form: "[RECIPE]", min: 0, max: 1 },
  options: DATA_OPTION,
  examples: [["deno task bench:training cifar-10", "another recipe than mnist"]],
  async run({ operands: [name = "mnist"], values: { data } }) {
    const recipe = findRecipe(name);
    const task = prepareTask({ ...recipe, epochs: 1 }, await readTrainingData(recipe.data, "train", data));
    const wasm = await loadWasmBinary();
    await startBackend(wasm);
    registerKernelGradient();
    const cores = navigator.hardwareConcurrency;
    const [many, one, plain]: number[][] = [[], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      many!.push(await withTeam({ task, wasm }, cores));
      one!.push(await withTeam({ task, wasm }, 1));
      plain!.push(withoutTeam(task));
    }
    const rows = [[`${cores} Workers`, many!], ["1 Worker", one!], [
      "TensorFlow.js's gradients, 1 thread",
      plain!,
    ]] as const;
    const slowest = median(plain!);
    print(columns([
      ["", "images per second", "factor"],
      ...rows.map((
        [what, speeds],
      ) => [what, median(speeds).toFixed(0), (median(speeds) / slowest).toFixed(1)]),
    ]));
    const ratio = median(many!.map((speed, i) => speed / one![i]!));
    print(`${cores} Workers are ${ratio.toFixed(2)} times as fast as one (median of ${ROUNDS} pairs)`);
    return 0;
  },
});
