import { Chain, type ObserveLayer } from "../kernels/chain/chain.ts";
import { KernelMemory } from "../kernels/kernel_memory.ts";
import type { Address } from "../kernels/memory.ts";
import { size } from "./layers.ts";
import type { LoadedNetwork, NetworkPlan } from "./network_plan.ts";

/** Images that it takes at once where no batch size is given. */
const MAX_IMAGES = 64;

/** A network that is one chain: it needs no tensor, and so no TensorFlow.js. */
export class FusedNetwork implements LoadedNetwork {
  readonly warmUpSizes: readonly number[];
  readonly #memory = new KernelMemory();
  readonly #chain: Chain;
  readonly #inputs: number;
  readonly #outputs: number;
  readonly #maxImages: number;
  readonly #images: Address;
  readonly #logits: Address;

  /**
   * Loads the trained parameters.
   *
   * @param plan For which `isFused` holds.
   * @param batchSizes Ascending. It takes any number of images; these are for the warm-up.
   * @param observe As for `loadNetwork`.
   */
  constructor(
    { input, shaped, segments: [only] }: NetworkPlan,
    batchSizes: readonly number[],
    observe?: ObserveLayer,
  ) {
    const { fused } = only!;
    this.warmUpSizes = batchSizes.slice(0, 1);
    this.#chain = new Chain(fused!.input, fused!.operations, observe);
    this.#inputs = size(input);
    this.#outputs = size(shaped.at(-1)!.output);
    this.#maxImages = batchSizes.at(-1) ?? MAX_IMAGES;
    this.#images = this.#memory.zeros(this.#inputs * this.#maxImages);
    this.#logits = this.#memory.zeros(this.#outputs * this.#maxImages);
  }

  predict(images: Float32Array, count: number): Float32Array {
    const logits = new Float32Array(count * this.#outputs);
    for (let first = 0; first < count; first += this.#maxImages) {
      const [some, from] = [Math.min(this.#maxImages, count - first), first * this.#inputs];
      const input = this.#memory.floatsAt(this.#images, some * this.#inputs);
      input.set(images.subarray(from, from + some * this.#inputs));
      this.#chain.run(this.#images, this.#logits, some);
      logits.set(this.#memory.floatsAt(this.#logits, some * this.#outputs), first * this.#outputs);
    }
    return logits;
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
    this.#chain[Symbol.dispose]();
  }
}
