/**
 * Convolutions and dense layers one after the other, each with what follows it in one pass over its output, on the kernels
 * of `c/`.
 *
 * @module
 */
import type { Address } from "../memory.ts";
import { prepareConvolution8, prepareDense8 } from "./bytes.ts";
import { prepareConvolution } from "./convolution.ts";
import { prepareDense } from "./dense.ts";
import { KernelMemory } from "../kernel_memory.ts";
import type { ImageShape, Operation } from "./operation.ts";
import type { Prepared } from "./prepared.ts";
import { firstPixel, imageStride, NO_FRAME, type Place, rowStride } from "./place.ts";

/** Numbers of all outputs of the images that go through a chain together. */
const GROUP = 2 ** 20;

/** Maximum number of such images. */
const MAX_GROUP = 64;

/**
 * Receives what layers give, for calibration.
 *
 * @param layer Position of the layer.
 * @param numbers Of all images, after bounds and maximum; there may be zeros between them. Valid during the call.
 */
export type ObserveLayer = (layer: number, numbers: Float32Array) => void;

/** Layers in memory. */
export class Chain implements Disposable {
  readonly #memory = new KernelMemory();
  readonly #operations: readonly Prepared[];
  readonly #observe: (operation: number, images: number) => void;
  readonly #input: Place;
  readonly #output: Place;
  readonly #outputs: number;
  readonly #group: number;

  /**
   * @param input Shape of the input.
   * @param operations First to last; their filters are multiples of 4. The first one is given float32, and the last one gives it.
   * @param observe Called after each operation that gives float32.
   */
  constructor(input: ImageShape, operations: readonly Operation[], observe?: ObserveLayer) {
    const places = [...operations.keys(), operations.length].map((i) => placeOf(input, operations, i));
    const sizes = places.map(imageStride);
    this.#group = Math.max(1, Math.min(MAX_GROUP, Math.floor(GROUP / sizes.reduce((a, b) => a + b))));
    const all = places.map((place, i) => ({
      ...place,
      address: place.isBytes
        ? this.#memory.bytes(new Uint8Array(this.#group * sizes[i]!))
        : this.#memory.zeros(this.#group * sizes[i]!),
    }));
    this.#operations = operations.map((operation, i) => this.#prepare(operation, all[i]!, all[i + 1]!));
    this.#observe = (i, images) => {
      const { address, isBytes } = all[i + 1]!;
      if (!isBytes) {
        observe?.(operations[i]!.layer, this.#memory.floatsAt(address, images * sizes[i + 1]!));
      }
    };
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
      for (const [i, operation] of this.#operations.entries()) {
        operation.run(count);
        this.#observe(i, count);
      }
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
    if (operation.kind === "dense") {
      const prepare = from.isBytes ? prepareDense8 : prepareDense;
      return prepare(operation, from, to, this.#group, this.#memory);
    }
    const prepare = from.isBytes ? prepareConvolution8 : prepareConvolution;
    return prepare(operation, from, to, this.#memory);
  }
}

/** The place of the input of an operation, or after the last one of the output. */
function placeOf(input: ImageShape, operations: readonly Operation[], i: number): Omit<Place, "address"> {
  const [before, after] = [operations[i - 1], operations[i]];
  const frame = after?.kind === "convolution" ? after.frame : NO_FRAME;
  if (before === undefined) return { shape: input, frame, isBytes: false };
  const shape: ImageShape = before.kind === "dense" ? [1, 1, before.bias.length + 3 & ~3] : before.output;
  return { shape, frame, isBytes: before.range !== undefined };
}

function outputsOf(operation: Operation): number {
  return operation.kind === "dense" ? operation.bias.length : operation.output.reduce((a, b) => a * b);
}
