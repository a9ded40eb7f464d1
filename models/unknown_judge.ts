import { Network } from "./layers/network.ts";
import { energyScore, type FeaturesScore, shapeScorer, type UnknownSpec } from "./unknown.ts";

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
 * @param weights Content of `unknown.weights`, if that is declared; its size was checked.
 */
export function loadUnknownJudge(
  unknown: UnknownSpec,
  features: number | undefined,
  weights: Uint8Array | undefined,
): UnknownJudge {
  return unknown.score === "energy" ? new Energy(unknown) : new Scorer(unknown, features!, weights!);
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
  readonly #network: Network;

  constructor(
    { threshold, layers, weights: { dtype } }: FeaturesScore,
    features: number,
    weights: Uint8Array,
  ) {
    this.#threshold = threshold;
    this.#features = features;
    this.#network = new Network(
      [1, 1, features],
      shapeScorer(layers, features, "unknown"),
      weights,
      dtype,
      [],
    );
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
