import { KernelMemory } from "../kernels/kernel_memory.ts";
import type { Address } from "../kernels/memory.ts";
import { ImageError } from "../errors.ts";
import { type InputSpec, standardisedSamples } from "./canonical.ts";
import type { Pixels } from "./format.ts";
import { Budget, type DecodeLimits } from "./limits.ts";

/** Samples of the largest image for which this is worth its memory. */
const MAX_SAMPLES = 2 ** 14;

/** `MAX_CHUNKS` of `c/png.c`. */
const MAX_CHUNKS = 16;

/** Numbers of `struct file`. */
const FILE = 3;

/** A decoded file. Both arrays are views that are valid until the next batch. */
export interface DecodedPng {
  readonly pixels: Pixels;
  /** The pixels as the model expects them if they already are in its form. */
  readonly numbers: Float32Array;
}

/**
 * Decodes the PNGs of a batch that have exactly the size and the colours of a model, in one call of `c/png.c`: a third of
 * the time of the decoder in TypeScript. What it does not decode, that decoder decodes or refuses.
 */
export class PngBatch implements Disposable {
  readonly #memory = new KernelMemory();
  readonly #spec: InputSpec;
  readonly #maxImages: number;
  readonly #maxBytes: number;
  readonly #files: Address;
  readonly #bytes: Address;
  readonly #pixels: Address;
  readonly #numbers: Address;
  readonly #batch: Address;

  /**
   * @param spec Form of the model.
   * @param maxImages Of a batch.
   */
  private constructor(spec: InputSpec, maxImages: number) {
    const { width, height, channels } = spec;
    const samples = width * height * channels;
    const workspace = this.#memory.bytes(new Uint8Array(this.#memory.kernels.workspace_bytes()));
    this.#memory.kernels.prepare_workspace(workspace);
    this.#spec = spec;
    this.#maxImages = maxImages;
    this.#maxBytes = maxFileBytes(spec);
    this.#files = this.#memory.zeros(FILE * maxImages);
    this.#bytes = this.#memory.bytes(new Uint8Array(maxImages * this.#maxBytes));
    this.#pixels = this.#memory.bytes(new Uint8Array(maxImages * samples));
    this.#numbers = this.#memory.zeros(maxImages * samples);
    this.#batch = this.#memory.struct([
      width,
      height,
      channels,
      workspace,
      this.#memory.bytes(new Uint8Array(height * (width * channels + 1))),
      this.#memory.bytes(new Uint8Array(width * channels)),
      this.#pixels,
      this.#numbers,
      this.#memory.floats(standardisedSamples(spec)),
    ]);
  }

  /**
   * Prepares for the images of a model.
   *
   * @param spec Form of the model.
   * @param limits Bounds on what is decoded.
   * @param maxImages Of a batch.
   * @returns `undefined` if such images are too large for this, or are beyond the limits.
   */
  static create(spec: InputSpec, limits: DecodeLimits, maxImages: number): PngBatch | undefined {
    const { width, height, channels } = spec;
    if (width * height * channels > MAX_SAMPLES || !allows(limits, spec)) return undefined;
    return new PngBatch(spec, maxImages);
  }

  /**
   * Decodes what it can.
   *
   * @param images Encoded images of any format, at most as many as a batch has.
   * @returns For each image its pixels, or `undefined` if it is left to `decodeImage`.
   */
  decode(images: readonly Uint8Array[]): (DecodedPng | undefined)[] {
    if (images.length > this.#maxImages) {
      throw new RangeError(`${images.length} images; at most ${this.#maxImages}`);
    }
    const files = this.#memory.intsAt(this.#files, FILE * images.length);
    const bytes = this.#memory.bytesAt(this.#bytes, this.#maxImages * this.#maxBytes);
    let offset = 0;
    images.forEach((image, i) => {
      const length = image.length > this.#maxBytes ? 0 : image.length;
      if (length > 0) bytes.set(image, offset);
      files.set([this.#bytes + offset, length, 0], FILE * i);
      offset += length;
    });
    this.#memory.kernels.decode_pngs(this.#batch, this.#files, images.length);
    return images.map((_, i) => files[FILE * i + 2] === 1 ? this.#decoded(i) : undefined);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  #decoded(i: number): DecodedPng {
    const { width, height, channels } = this.#spec;
    const samples = width * height * channels;
    const data = this.#memory.bytesAt(this.#pixels + i * samples, samples);
    return {
      pixels: { width, height, channels, data },
      numbers: this.#memory.floatsAt(this.#numbers + 4 * i * samples, samples),
    };
  }
}

/** More bytes than any encoder needs. */
function maxFileBytes({ width, height, channels }: InputSpec): number {
  return 2 * width * height * channels + 1024;
}

function allows(limits: DecodeLimits, spec: InputSpec): boolean {
  const budget = new Budget("PNG", limits);
  const { width, height } = spec;
  try {
    budget.checkExtent(width, height);
    budget.checkCount("chunks", MAX_CHUNKS);
    budget.checkMemory(2 * maxFileBytes(spec) + 4 * width * height);
    return true;
  } catch (error) {
    if (error instanceof ImageError) return false;
    throw error;
  }
}
