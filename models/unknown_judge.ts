import type { LoadedNetwork } from "./layers/network_plan.ts";
import { energyScore, type UnknownSpec } from "./unknown.ts";

/** Decides which images show none of the classes of a model. */
export interface UnknownJudge extends Disposable {
  /**
   * Judges a batch.
   *
   * @param logits One row per image.
   * @param features One row per image; undefined if the last layer of the model is not dense.
   * @returns Whether each image is unknown.
   */
  judge(logits: readonly Float32Array[], features: readonly Float32Array[] | undefined): boolean[];
}

/**
 * Loads what the manifest of a model declares in `unknown`.
 *
 * @param unknown As declared.
 * @param features Length of the vector that the last layer of the model is given.
 * @param scorer The network of `unknown.layers`, if that is declared.
 */
export function loadUnknownJudge(
  unknown: UnknownSpec,
  features: number | undefined,
  scorer: LoadedNetwork | undefined,
): UnknownJudge {
  return unknown.score === "energy" ? new Energy(unknown) : new Scorer(unknown, features!, scorer!);
}

class Energy implements UnknownJudge {
  readonly #threshold: number;

  constructor({ threshold }: UnknownSpec) {
    this.#threshold = threshold;
  }

  judge(logits: readonly Float32Array[]): boolean[] {
    return logits.map((row) => energyScore(row) < this.#threshold);
  }

  [Symbol.dispose](): void {}
}

class Scorer implements UnknownJudge {
  readonly #threshold: number;
  readonly #features: number;
  readonly #network: LoadedNetwork;

  constructor({ threshold }: UnknownSpec, features: number, network: LoadedNetwork) {
    this.#threshold = threshold;
    this.#features = features;
    this.#network = network;
  }

  judge(_logits: readonly Float32Array[], features: readonly Float32Array[] = []): boolean[] {
    const vectors = new Float32Array(features.length * this.#features);
    features.forEach((row, i) => vectors.set(row, i * this.#features));
    const scores = this.#network.predict(vectors, features.length);
    return Array.from(scores, (score) => score < this.#threshold);
  }

  [Symbol.dispose](): void {
    this.#network[Symbol.dispose]();
  }
}
