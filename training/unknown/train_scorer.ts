import type { Layer } from "../../models/manifest.ts";
import { Random } from "../random.ts";

/** Training images of a scorer: all of the model's classes, or all of none. */
export interface ScorerExamples {
  /** The features of each, at least one. */
  readonly rows: readonly Float32Array[];
  /** Whether they show one of the model's classes. */
  readonly known: boolean;
  /** How often they are drawn, in relation to the others. */
  readonly weight: number;
}

/** A network with one hidden layer, whose output is higher for images of the model's classes. */
export interface TrainedScorer {
  readonly layers: readonly Layer[];
  /** Parameters in the order of the weights file. */
  readonly numbers: Float32Array;
}

const HIDDEN = 16;
const BATCH = 128;

/** Adam; D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", 2015. The rate falls to 0, the decay is per step. */
const [RATE, FIRST, SECOND, EPSILON, DECAY] = [2e-3, 0.9, 0.999, 1e-8, 1e-5];

/** Of features that hardly vary: they must not become loud. */
const MIN_DEVIATION = 1e-2;

/**
 * Trains a scorer by logistic regression with one hidden layer. The same examples and seed give the same numbers.
 *
 * @param examples At least one of each kind.
 * @param seed Of the draws and the first weights.
 * @param steps Of 128 images each.
 */
export function trainScorer(examples: readonly ScorerExamples[], seed: number, steps = 3_000): TrainedScorer {
  const random = new Random(seed, -6);
  const features = examples[0]!.rows[0]!.length;
  const { mean, deviation } = momentsOf(examples, features);
  const network = new Network(features, random);
  const x = new Float32Array(features);
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < BATCH; i++) {
      const { row, known } = draw(examples, random);
      for (let f = 0; f < features; f++) x[f] = (row[f]! - mean[f]!) / deviation[f]!;
      network.learn(x, known ? 1 : 0);
    }
    network.update(RATE * (1 - step / steps));
  }
  const numbers = network.numbersFor(mean, deviation);
  return {
    layers: [{ type: "dense", units: HIDDEN, activation: "relu" }, {
      type: "dense",
      units: 1,
    }],
    numbers,
  };
}

/**
 * Scores one image as the model does.
 *
 * @param numbers Of a {@linkcode TrainedScorer}.
 * @param features Of the image.
 */
export function scoreOf(numbers: Float32Array, features: Float32Array): number {
  return forward(numbers, features, new Float64Array(HIDDEN));
}

function draw(examples: readonly ScorerExamples[], random: Random) {
  let at = random.between(0, examples.reduce((sum, { weight }) => sum + weight, 0));
  const source = examples.find(({ weight }) => (at -= weight) <= 0) ?? examples[0]!;
  return { row: source.rows[random.integer(0, source.rows.length - 1)]!, known: source.known };
}

/** Each group counts by its weight. */
function momentsOf(examples: readonly ScorerExamples[], features: number) {
  const [mean, square] = [new Float64Array(features), new Float64Array(features)];
  const total = examples.reduce((sum, { weight }) => sum + weight, 0);
  for (const { rows, weight } of examples) {
    for (const row of rows) {
      const share = weight / total / rows.length;
      row.forEach((value, f) => {
        mean[f]! += share * value;
        square[f]! += share * value * value;
      });
    }
  }
  const deviation = square.map((value, f) =>
    Math.max(MIN_DEVIATION, Math.sqrt(Math.max(0, value - mean[f]! ** 2)))
  );
  return { mean, deviation };
}

/** Kernel (features × hidden), bias, kernel (hidden), bias: as the layers are stored. */
function forward(numbers: Float32Array, x: Float32Array, hidden: Float64Array): number {
  const features = x.length;
  for (let h = 0; h < HIDDEN; h++) hidden[h] = numbers[features * HIDDEN + h]!;
  for (let f = 0; f < features; f++) {
    const value = x[f]!;
    if (value === 0) continue;
    for (let h = 0; h < HIDDEN; h++) hidden[h]! += value * numbers[f * HIDDEN + h]!;
  }
  const second = (features + 1) * HIDDEN;
  let score = numbers[second + HIDDEN]!;
  for (let h = 0; h < HIDDEN; h++) {
    hidden[h] = Math.max(0, hidden[h]!);
    score += hidden[h]! * numbers[second + h]!;
  }
  return score;
}

class Network {
  readonly #numbers: Float32Array;
  readonly #gradient: Float64Array;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  readonly #hidden = new Float64Array(HIDDEN);
  readonly #back = new Float64Array(HIDDEN);
  #steps = 0;

  constructor(features: number, random: Random) {
    const length = (features + 2) * HIDDEN + 1;
    const bound = Math.sqrt(6 / (features + HIDDEN));
    this.#numbers = Float32Array.from({ length }, (_, i) => {
      const isBias = i === length - 1 || (i >= features * HIDDEN && i < (features + 1) * HIDDEN);
      return isBias ? 0 : random.between(-bound, bound);
    });
    [this.#gradient, this.#first, this.#second] = [0, 1, 2].map(() => new Float64Array(length)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
  }

  /** Adds the gradient of the cross-entropy of one example. */
  learn(x: Float32Array, target: number): void {
    const score = forward(this.#numbers, x, this.#hidden);
    const error = (1 / (1 + Math.exp(-score)) - target) / BATCH;
    const [gradient, second] = [this.#gradient, (x.length + 1) * HIDDEN];
    const back = this.#back;
    for (let h = 0; h < HIDDEN; h++) {
      back[h] = this.#hidden[h]! > 0 ? error * this.#numbers[second + h]! : 0;
      gradient[second + h]! += error * this.#hidden[h]!;
      gradient[x.length * HIDDEN + h]! += back[h]!;
    }
    gradient[second + HIDDEN]! += error;
    for (let f = 0; f < x.length; f++) {
      const value = x[f]!;
      for (let h = 0; h < HIDDEN; h++) gradient[f * HIDDEN + h]! += value * back[h]!;
    }
  }

  update(rate: number): void {
    this.#steps++;
    const [first, second] = [1 - FIRST ** this.#steps, 1 - SECOND ** this.#steps];
    for (let i = 0; i < this.#numbers.length; i++) {
      const gradient = this.#gradient[i]!;
      this.#first[i] = FIRST * this.#first[i]! + (1 - FIRST) * gradient;
      this.#second[i] = SECOND * this.#second[i]! + (1 - SECOND) * gradient * gradient;
      const change = this.#first[i]! / first / (Math.sqrt(this.#second[i]! / second) + EPSILON);
      this.#numbers[i]! -= rate * change + DECAY * this.#numbers[i]!;
    }
    this.#gradient.fill(0);
  }

  /** For features as they are: the standardisation becomes part of the first layer. */
  numbersFor(mean: Float64Array, deviation: Float64Array): Float32Array {
    const numbers = this.#numbers.slice();
    for (let f = 0; f < mean.length; f++) {
      for (let h = 0; h < HIDDEN; h++) {
        numbers[f * HIDDEN + h]! /= deviation[f]!;
        numbers[mean.length * HIDDEN + h]! -= numbers[f * HIDDEN + h]! * mean[f]!;
      }
    }
    return numbers;
  }
}
