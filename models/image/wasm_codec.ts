import type { Budget } from "./limits.ts";

/** What the modules of Emscripten have in common. */
export interface EmscriptenModule {
  readonly HEAPU8: Uint8Array;
}

/** What the decoders give. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** What is handed to the factory of a module. */
interface ModuleOptions {
  readonly noInitialRun: true;
  /** What it would print of a broken image; such text is a stranger's. */
  print(text: string): void;
  printErr(text: string): void;
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void): unknown;
}

/** An instance with more memory than this is not kept for the next image: memory of WASM never shrinks. */
const MAX_KEPT_BYTES = 2 ** 28;

/**
 * A decoder that Emscripten compiled, instantiated without fetching or reading anything. Its memory is bounded whatever the
 * header of an image declares; an instance that failed is thrown away.
 */
export class WasmCodec<Codec extends EmscriptenModule> {
  readonly #factory: (options: ModuleOptions) => unknown;
  readonly #binary: WebAssembly.Module;
  #kept: Codec | undefined;
  #maxBytes = 0;
  #isRefused = false;

  /**
   * @param factory What the package exports; it fills in the object that it gets before it returns.
   * @param binary The compiled code.
   */
  constructor(factory: (options: ModuleOptions) => unknown, binary: WebAssembly.Module) {
    this.#factory = factory;
    this.#binary = binary;
  }

  /**
   * Uses the decoder.
   *
   * @param budget For the memory that it may have.
   * @param run What to do with it; its result must not be a view of the decoder's memory. `null`, or to throw, is to fail.
   * @returns What `run` returns.
   * @throws {ImageError} `over_limit` if it failed for want of memory; else what `run` throws.
   */
  use<Result>(budget: Budget, run: (codec: Codec) => Result): Result {
    this.#maxBytes = budget.limits.maxDecodedBytes;
    this.#isRefused = false;
    const codec = this.#kept ?? this.#instantiate();
    this.#kept = undefined;
    try {
      const result = run(codec);
      if (result === null && this.#isRefused) throw budget.memoryExceeded();
      if (codec.HEAPU8.length <= MAX_KEPT_BYTES) this.#kept = codec;
      return result;
    } catch (error) {
      // What a decoder reports when it gets no memory is not the reason.
      throw this.#isRefused ? budget.memoryExceeded() : error;
    }
  }

  #instantiate(): Codec {
    const options: ModuleOptions = {
      noInitialRun: true,
      print() {},
      printErr() {},
      instantiateWasm: (imports, done) => {
        const instance = new WebAssembly.Instance(this.#binary, imports);
        this.#boundMemory(instance);
        done(instance);
        return instance.exports;
      },
    };
    this.#factory(options);
    return options as unknown as Codec;
  }

  /** Emscripten grows the memory by this method; when it throws, the allocation fails within the decoder. */
  #boundMemory({ exports }: WebAssembly.Instance): void {
    const memory = Object.values(exports).find((value) => value instanceof WebAssembly.Memory);
    if (!memory) throw new TypeError("The decoder exports no memory");
    memory.grow = (pages) => {
      // A refused decoder asks for less, once or twice.
      this.#isRefused = memory.buffer.byteLength + pages * 65_536 > this.#maxBytes;
      if (this.#isRefused) throw new RangeError("Out of memory");
      return WebAssembly.Memory.prototype.grow.call(memory, pages);
    };
  }
}

/**
 * Drops the fourth channel of an opaque image, in place.
 *
 * @param rgba Four samples per pixel; its memory is taken.
 * @returns Three samples per pixel.
 */
export function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array(rgba.buffer, rgba.byteOffset, rgba.length / 4 * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}
