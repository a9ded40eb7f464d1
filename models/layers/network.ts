import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { Chain } from "../kernels/chain/chain.ts";
import { KernelMemory } from "../kernels/kernel_memory.ts";
import { type Address, addressOf, emptyTensor, floatsAt } from "../kernels/kernels.ts";
import { fuseLayers, type Parameters, type Segment } from "./fusion.ts";
import { type Shape, type ShapedLayer, size } from "./layers.ts";
import { runLayer } from "./run_layer.ts";
import type { WeightsSpec } from "../manifest.ts";

/** Layers that run together, with their trained parameters in the backend's memory. */
interface Step extends Disposable {
  /** Positions of the layers whose outputs it needs; -1 is the image. */
  readonly from: readonly number[];
  /** Position of the layer whose output it gives. */
  readonly last: number;
  run(inputs: readonly tf.Tensor[]): tf.Tensor;
}

/** A network in the backend's memory. */
export class Network implements Disposable {
  readonly #steps: readonly Step[];
  /** The whole network, if all of it is fused. */
  readonly #fused: FusedNetwork | undefined;
  readonly #batchSizes: readonly number[];
  readonly #input: Shape;
  readonly #outputs: number;

  /**
   * Loads the trained parameters.
   *
   * @param input Shape of the image: height, width, channels.
   * @param shaped From `shapeLayers`.
   * @param weights Content of the weights file.
   * @param dtype How its numbers are stored, little-endian.
   * @param batchSizes Sizes to which TensorFlow.js gets batches padded, ascending: varying shapes run out of memory (tfjs
   * issue 6439).
   */
  constructor(
    input: readonly [height: number, width: number, channels: number],
    shaped: readonly ShapedLayer[],
    weights: Uint8Array,
    dtype: WeightsSpec["dtype"],
    batchSizes: readonly number[],
  ) {
    const parameters = divide(toFloat32(weights, dtype), shaped);
    const segments = fuseLayers(input, shaped, parameters);
    this.#steps = segments.map((segment) => loadStep(segment, shaped, parameters));
    this.#batchSizes = batchSizes;
    this.#input = input;
    this.#outputs = size(shaped.at(-1)!.output);
    const [only, ...others] = this.#steps;
    if (!(only instanceof FusedStep) || others.length > 0) return;
    this.#fused = new FusedNetwork(only.chain, size(input), this.#outputs, batchSizes.at(-1) ?? MAX_IMAGES);
  }

  /** Batch sizes that are to be run once before the first image, so that it is as fast as later ones. */
  get warmUpSizes(): readonly number[] {
    return this.#fused ? this.#batchSizes.slice(0, 1) : this.#batchSizes;
  }

  /**
   * Runs images through the network.
   *
   * @param images Images × height × width × channels.
   * @param count How many, at most the largest batch size.
   * @returns Logits: images × labels.
   */
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

/** Images that a fused network takes at once where no batch size is given. */
const MAX_IMAGES = 64;

/** A network that is one chain: no tensor is needed. */
class FusedNetwork implements Disposable {
  readonly #memory = new KernelMemory();
  readonly #chain: Chain;
  readonly #inputs: number;
  readonly #outputs: number;
  readonly #maxImages: number;
  readonly #images: Address;
  readonly #logits: Address;

  constructor(chain: Chain, inputs: number, outputs: number, maxImages: number) {
    this.#chain = chain;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#maxImages = maxImages;
    this.#images = this.#memory.zeros(inputs * maxImages);
    this.#logits = this.#memory.zeros(outputs * maxImages);
  }

  predict(images: Float32Array, count: number): Float32Array {
    const logits = new Float32Array(count * this.#outputs);
    for (let first = 0; first < count; first += this.#maxImages) {
      const [some, from] = [Math.min(this.#maxImages, count - first), first * this.#inputs];
      floatsAt(this.#images, some * this.#inputs).set(images.subarray(from, from + some * this.#inputs));
      this.#chain.run(this.#images, this.#logits, some);
      logits.set(floatsAt(this.#logits, some * this.#outputs), first * this.#outputs);
    }
    return logits;
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
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
  ) {
    this.from = shaped[first]!.from;
    this.last = last;
    this.chain = new Chain(input, operations);
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

function loadStep(segment: Segment, shaped: readonly ShapedLayer[], parameters: readonly Parameters[]): Step {
  const { first, last, fused } = segment;
  if (fused !== undefined) return new FusedStep(segment, fused, shaped);
  const { layer, from, tensors: shapes } = shaped[first]!;
  const tensors = parameters[first]!.map((numbers, i) => tf.tensor(numbers, [...shapes[i]!], "float32"));
  return {
    from,
    last,
    run: (inputs) => runLayer(layer, tensors, inputs),
    [Symbol.dispose]: () => tf.dispose(tensors),
  };
}

/** The numbers of each tensor of each layer. */
function divide(numbers: Float32Array, shaped: readonly ShapedLayer[]): Parameters[] {
  let end = 0;
  return shaped.map(({ tensors }) => tensors.map((shape) => numbers.subarray(end, end += size(shape))));
}

/**
 * Decodes the numbers of a weights file.
 *
 * @param weights Its content.
 * @param dtype How its numbers are stored, little-endian.
 */
export function toFloat32(weights: Uint8Array, dtype: WeightsSpec["dtype"]): Float32Array {
  const { buffer } = weights.slice();
  return dtype === "float16" ? new Float32Array(new Float16Array(buffer)) : new Float32Array(buffer);
}
