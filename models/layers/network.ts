import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { Chain, type ObserveLayer } from "../kernels/chain/chain.ts";
import { addressOf, emptyTensor } from "../kernels/kernels.ts";
import { FusedNetwork } from "./fused_network.ts";
import type { Parameters, Segment } from "./fusion.ts";
import { type Shape, type ShapedLayer, size } from "./layers.ts";
import { isFused, type LoadedNetwork, type NetworkPlan } from "./network_plan.ts";
import { runLayer } from "./run_layer.ts";

/** Layers that run together, with their trained parameters in the backend's memory. */
interface Step extends Disposable {
  /** Positions of the layers whose outputs it needs; -1 is the image. */
  readonly from: readonly number[];
  /** Position of the layer whose output it gives. */
  readonly last: number;
  run(inputs: readonly tf.Tensor[]): tf.Tensor;
}

/** A network in the memory of TensorFlow.js, which runs the layers that have no kernels of the project's own. */
export class Network implements LoadedNetwork {
  readonly #steps: readonly Step[];
  /** The whole network, if all of it is fused. */
  readonly #fused: FusedNetwork | undefined;
  readonly #batchSizes: readonly number[];
  readonly #input: Shape;
  readonly #outputs: number;

  /**
   * Loads the trained parameters. The backend of TensorFlow.js was started.
   *
   * @param plan From `planNetwork`.
   * @param batchSizes Sizes to which TensorFlow.js gets batches padded, ascending: varying shapes run out of memory (tfjs
   * issue 6439).
   * @param observe As for `loadNetwork`.
   */
  constructor(plan: NetworkPlan, batchSizes: readonly number[], observe?: ObserveLayer) {
    const { input, shaped, parameters, segments } = plan;
    this.#steps = segments.map((segment) => loadStep(segment, shaped, parameters, observe));
    this.#batchSizes = batchSizes;
    this.#input = input;
    this.#outputs = size(shaped.at(-1)!.output);
    if (isFused(plan)) this.#fused = new FusedNetwork(plan, batchSizes, observe);
  }

  get warmUpSizes(): readonly number[] {
    return this.#fused?.warmUpSizes ?? this.#batchSizes;
  }

  predict(images: Float32Array, count: number): Float32Array {
    return this.#fused ? this.#fused.predict(images, count) : this.#predictPadded(images, count);
  }

  /**
   * Runs images through the network, step by step. The output of a step is disposed of once its last user has run; call it
   * inside `tf.tidy` nevertheless, for what the operations leave behind.
   *
   * @param input Images × height × width × channels; it is not disposed of.
   * @returns Logits: images × labels.
   */
  run(input: tf.Tensor): tf.Tensor {
    const last = new Map(this.#steps.flatMap(({ from }, i) => from.map((index) => [index, i])));
    const outputs = new Map([[-1, input]]);
    let output = input;
    for (const [i, step] of this.#steps.entries()) {
      output = step.run(step.from.map((index) => outputs.get(index)!));
      outputs.set(step.last, output);
      for (const index of new Set(step.from)) {
        if (index >= 0 && last.get(index) === i) outputs.get(index)!.dispose();
      }
    }
    return output;
  }

  [Symbol.dispose](): void {
    this.#fused?.[Symbol.dispose]();
    for (const step of this.#steps) step[Symbol.dispose]();
  }

  #predictPadded(images: Float32Array, count: number): Float32Array {
    const batch = this.#batchSizes.find((size) => size >= count)!;
    const padded = new Float32Array(batch * size(this.#input));
    padded.set(images.subarray(0, count * size(this.#input)));
    const logits = tf.tidy(() => this.run(tf.tensor(padded, [batch, ...this.#input])));
    const numbers = logits.dataSync<"float32">();
    logits.dispose();
    return numbers.subarray(0, count * this.#outputs);
  }
}

/** Layers on the project's own kernels. */
class FusedStep implements Step {
  readonly from: readonly number[];
  readonly last: number;
  readonly chain: Chain;
  readonly #output: Shape;

  constructor(
    { first, last }: Segment,
    { input, operations }: NonNullable<Segment["fused"]>,
    shaped: readonly ShapedLayer[],
    observe?: ObserveLayer,
  ) {
    this.from = shaped[first]!.from;
    this.last = last;
    this.chain = new Chain(input, operations, observe);
    this.#output = shaped[last]!.output;
  }

  run([input]: readonly tf.Tensor[]): tf.Tensor {
    const images = input!.shape[0]!;
    const output = emptyTensor([images, ...this.#output]);
    this.chain.run(addressOf(input!), addressOf(output), images);
    return output;
  }

  [Symbol.dispose](): void {
    this.chain[Symbol.dispose]();
  }
}

function loadStep(
  segment: Segment,
  shaped: readonly ShapedLayer[],
  parameters: readonly Parameters[],
  observe?: ObserveLayer,
): Step {
  const { first, last, fused } = segment;
  if (fused !== undefined) return new FusedStep(segment, fused, shaped, observe);
  const { layer, from, tensors: shapes } = shaped[first]!;
  const tensors = parameters[first]!.map((numbers, i) => tf.tensor(numbers, [...shapes[i]!], "float32"));
  return {
    from,
    last,
    run: (inputs) => runLayer(layer, tensors, inputs),
    [Symbol.dispose]: () => tf.dispose(tensors),
  };
}
