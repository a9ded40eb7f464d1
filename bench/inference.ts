/**
 * `deno task bench:inference [MODEL…]`: CPU time per image of decoding and of the network, on the project's own kernels and as
 * it would be without them: on TensorFlow.js's, and decoded in TypeScript; and of the network in bytes beside float32. Both are
 * measured in turn in one process, so that the ratios hold on a machine that does other things too; the times do not.
 *
 * @module
 */
import process from "node:process";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { runTask } from "../cli/task.ts";
import { columns, print } from "../cli/ui/terminal.ts";
import { median } from "../lib/median.ts";
import { startBackend } from "../models/backend.ts";
import { type InputSpec, standardisePixels } from "../models/image/canonical.ts";
import { decodeImage } from "../models/image/decode.ts";
import { PngBatch } from "../models/image/png_batch.ts";
import { viewCount } from "../models/image/views.ts";
import type { Layer } from "../models/layers/layer.ts";
import { parameterCount, type ShapedLayer, shapeLayers, size } from "../models/layers/layers.ts";
import { Network } from "../models/layers/network.ts";
import { type NetworkPlan, planNetwork, toFloat32 } from "../models/layers/network_plan.ts";
import { byteLayers, inBytes } from "../models/layers/precision.ts";
import { runLayer } from "../models/layers/run_layer.ts";
import { loadModels, SHIPPED_MODELS } from "../models/registry.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { imagesOf } from "../testing/images.ts";
import { LEGACY } from "../training/recipes/legacy.ts";

const ROUNDS = 15;

/** CPU time of one turn, about, in milliseconds. */
const TURN_MS = 30;

const BATCHES = [1, 8, 64] as const;

/** A network with its parameters. */
interface Subject {
  readonly name: string;
  readonly input: InputSpec;
  readonly layers: readonly Layer[];
  readonly weights: Float32Array;
  readonly images: readonly Uint8Array[];
}

/** CPU time in µs, and how many times as much the second takes. */
interface Comparison {
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
}

function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function timed(run: () => void, times: number): number {
  const begun = cpuMicroseconds();
  for (let i = 0; i < times; i++) run();
  return (cpuMicroseconds() - begun) / times;
}

/** Medians over turns; the ratio is that of the two turns of a round. */
function compare(ours: () => void, theirs: () => void): Comparison {
  for (let i = 0; i < 3; i++) [ours, theirs].forEach((run) => run());
  const times = Math.max(1, Math.ceil(1000 * TURN_MS / Math.max(1, timed(theirs, 1))));
  const rounds = Array.from({ length: ROUNDS }, (_, i) => {
    const first = timed(i % 2 === 0 ? ours : theirs, times);
    const second = timed(i % 2 === 0 ? theirs : ours, times);
    return i % 2 === 0 ? [first, second] as const : [second, first] as const;
  });
  return {
    ours: median(rounds.map(([one]) => one)),
    theirs: median(rounds.map(([, other]) => other)),
    ratio: median(rounds.map(([one, other]) => other / one)),
  };
}

function row(name: string, what: string, images: number, { ours, theirs, ratio }: Comparison): string[] {
  return [name, what, (ours / images).toFixed(1), (theirs / images).toFixed(1), ratio.toFixed(2)];
}

/** Runs the layers one after the other on TensorFlow.js's kernels. */
function tensorFlow(shaped: readonly ShapedLayer[], weights: Float32Array) {
  let end = 0;
  const parameters = shaped.map(({ tensors }) =>
    tensors.map((shape) => tf.tensor(weights.subarray(end, end += size(shape)), [...shape]))
  );
  return (images: Float32Array, shape: readonly number[]) => {
    const logits = tf.tidy(() => {
      const outputs: tf.Tensor[] = [tf.tensor(images, [...shape])];
      for (const [i, { layer, from }] of shaped.entries()) {
        outputs.push(runLayer(layer, parameters[i]!, from.map((index) => outputs[index + 1]!)));
      }
      return outputs.at(-1)!;
    });
    logits.dataSync();
    logits.dispose();
  };
}

function networkRows({ name, input, layers, weights }: Subject): string[][] {
  const image = [input.height, input.width, input.channels] as const;
  const shaped = shapeLayers(input, layers, name);
  const views = viewCount(input);
  const bytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  const plan = planNetwork(image, shaped, bytes, "float32");
  const sizes = BATCHES.map((batch) => batch * views);
  using network = new Network(plan, sizes);
  using int8 = new Network(inBytes(plan, anyRanges(plan), name), sizes);
  const other = tensorFlow(shaped, weights);
  return BATCHES.flatMap((batch) => {
    const images = new Float32Array(batch * views * size(image)).map((_, i) => Math.sin(i));
    const float32 = () => void network.predict(images, batch * views);
    const byTensorFlow = () => other(images, [batch * views, ...image]);
    const inInt8 = () => void int8.predict(images, batch * views);
    return [
      row(name, `network, batch ${batch}`, batch, compare(float32, byTensorFlow)),
      row(name, `int8 beside float32, batch ${batch}`, batch, compare(inInt8, float32)),
    ];
  });
}

/** The time does not depend on them. */
function anyRanges(plan: NetworkPlan): number[] {
  const inBytes = byteLayers(plan);
  return plan.shaped.map((_, layer) => inBytes.includes(layer) ? 8 : 0);
}

function decodeRow({ name, input, images }: Subject): string[] {
  using batch = PngBatch.create(input, {}, images.length)!;
  const target = new Float32Array(size([input.height, input.width, input.channels]));
  const ours = () => void batch.decode(images);
  const theirs = () => images.forEach((image) => standardisePixels(decodeImage(image), input, target));
  return row(name, `PNG to numbers, batch ${images.length}`, images.length, compare(ours, theirs));
}

/** The shipped models, and the network of the legacy system with arbitrary weights. */
async function subjects(): Promise<Subject[]> {
  const shipped = (await loadModels()).map(
    ({ manifest: { name, input, layers, weights: { dtype } }, weights }) => {
      const images = imagesOf(name).map(({ png }) => png);
      return { name, input, layers, weights: toFloat32(weights, dtype), images };
    },
  );
  const input = { width: 28, height: 28, channels: 1, mean: [0], std: [1] } as const;
  const count = parameterCount(shapeLayers(input, LEGACY.layers, LEGACY.name));
  const weights = new Float32Array(count).map((_, i) => Math.sin(i) / 20);
  const images = shipped.find(({ name }) => name === "mnist")!.images;
  return [...shipped, { name: LEGACY.name, input, layers: LEGACY.layers, weights, images }];
}

await runTask({
  name: "bench:inference",
  summary: "Measure the CPU time of decoding and of the networks, with and without the project's own kernels",
  operands: { form: "[MODEL…]", min: 0, max: Infinity },
  options: {},
  examples: [["deno task bench:inference mnist", `one of ${SHIPPED_MODELS.join(", ")}, ${LEGACY.name}`]],
  async run({ operands: names }) {
    await startBackend(await loadWasmBinary());
    const chosen = (await subjects()).filter(({ name }) => names.length === 0 || names.includes(name));
    const rows = chosen.flatMap((subject) => [decodeRow(subject), ...networkRows(subject)]);
    print(columns([["model", "", "µs per image", "without", "factor"], ...rows]));
    return 0;
  },
});
