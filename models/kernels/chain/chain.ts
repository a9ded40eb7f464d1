/**
 * Convolutions and dense layers one after the other, each with what follows it in one pass over its output, on the kernels
 * of `c/`.
 *
 * @module
 */
import type { Address } from "../memory.ts";
import { finish, panels, prepareConvolution, type Prepared } from "./convolution.ts";
import { KernelMemory } from "../kernel_memory.ts";
import type { DenseOperation, ImageShape, Operation } from "./operation.ts";
import { firstPixel, imageStride, NO_FRAME, type Place, rowStride } from "./place.ts";

/** Numbers of all outputs of the images that go through a chain together. */
const GROUP = 2 ** 20;

/** Maximum number of such images. */
const MAX_GROUP = 64;

/** Layers in memory. */
export class Chain implements Disposable {
  readonly #memory = new KernelMemory();
  readonly #operations: readonly Prepared[];
  readonly #input: Place;
  readonly #output: Place;
  readonly #outputs: number;
  readonly #group: number;

  /**
   * @param input Shape of the input.
   * @param operations First to last; their filters are multiples of 4.
   */
  constructor(input: ImageShape, operations: readonly Operation[]) {
    const places = [...operations.keys(), operations.length].map((i) => placeOf(input, operations, i));
    const sizes = places.map(imageStride);
    this.#group = Math.max(1, Math.min(MAX_GROUP, Math.floor(GROUP / sizes.reduce((a, b) => a + b))));
    const all = places.map((place, i) => ({
      ...place,
      address: this.#memory.zeros(this.#group * sizes[i]!),
    }));
    this.#operations = operations.map((operation, i) => this.#prepare(operation, all[i]!, all[i + 1]!));
    this.#input = all[0]!;
    this.#output = all.at(-1)!;
    this.#outputs = outputsOf(operations.at(-1)!);
  }

  /**
   * Runs images through the layers.
   *
   * @param input Images × height × width × channels.
   * @param output Where the images × outputs numbers go.
   * @param images How many.
   */
  run(input: Address, output: Address, images: number): void {
    const { shape: [height, width, channels] } = this.#input;
    const [row, size] = [width * channels, height * width * channels];
    for (let first = 0; first < images; first += this.#group) {
      const count = Math.min(this.#group, images - first);
      const to = this.#output;
      this.#memory.kernels.copy_rows(
        input + 4 * first * size,
        row,
        size,
        firstPixel(this.#input),
        rowStride(this.#input),
        imageStride(this.#input),
        height,
        row,
        count,
      );
      for (const operation of this.#operations) operation.run(count);
      const result = output + 4 * first * this.#outputs;
      this.#memory.kernels.copy_rows(
        to.address,
        0,
        imageStride(to),
        result,
        0,
        this.#outputs,
        1,
        this.#outputs,
        count,
      );
    }
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  #prepare(operation: Operation, from: Place, to: Place): Prepared {
    return operation.kind === "dense"
      ? prepareDense(operation, from, to, this.#memory)
      : prepareConvolution(operation, from, to, this.#memory);
  }
}

/** The place of the input of an operation, or after the last one of the output. */
function placeOf(input: ImageShape, operations: readonly Operation[], i: number): Omit<Place, "address"> {
  const [before, after] = [operations[i - 1], operations[i]];
  const frame = after?.kind === "convolution" ? after.frame : NO_FRAME;
  if (before === undefined) return { shape: input, frame };
  const shape: ImageShape = before.kind === "dense" ? [1, 1, before.bias.length + 3 & ~3] : before.output;
  return { shape, frame };
}

function outputsOf(operation: Operation): number {
  return operation.kind === "dense" ? operation.bias.length : operation.output.reduce((a, b) => a * b);
}

function prepareDense(operation: DenseOperation, from: Place, to: Place, memory: KernelMemory): Prepared {
  const { kernel, bias } = operation;
  const inputs = kernel.length / bias.length;
  const layer = memory.struct([
    from.address,
    imageStride(from),
    to.address,
    imageStride(to),
    panels(kernel, inputs, bias.length, memory),
    ...finish(operation, memory),
    inputs,
    to.shape[2],
  ]);
  return { run: (images) => memory.kernels.dense(layer, images) };
}
