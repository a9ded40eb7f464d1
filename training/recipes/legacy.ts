import type { Recipe } from "./recipe.ts";

/** Network and settings of the legacy system that this project replaces, for any of its data sets. */
export const LEGACY: Recipe = {
  name: "legacy",
  version: "1.0.0",
  description: "The network and the settings of the legacy system",
  data: "fashion-mnist",
  layers: [
    { type: "conv2d", filters: 32, kernel: 3, activation: "relu" },
    { type: "maxPool2d", size: 2 },
    { type: "flatten" },
    { type: "dense", units: 100, activation: "relu" },
    { type: "dense", units: 10 },
  ],
  standardise: false,
  batchNorm: false,
  initial: { whiten: false, identity: false },
  epochs: 10,
  batch: 32,
  shard: 32,
  optimiser: {
    learningRate: 0.01,
    momentum: 0.9,
    nesterov: false,
    weightDecay: 0,
    warmUp: 0,
    finalRate: 1,
  },
  labelSmoothing: 0,
  augmentation: { shift: 0, mirror: false },
  validationImages: 0,
  seed: 1,
  card: {
    use: "For comparison with the legacy system only.",
    data: "The data set it is named after.",
    limits: "It overfits within its ten epochs.",
  },
};

/** Names by which it is found; `seed` is its old name. */
export const LEGACY_NAMES: readonly string[] = [LEGACY.name, "seed"];

/** Mean accuracies over 5 folds that the legacy system published, by data set. */
export const LEGACY_FIGURES: Readonly<Record<string, number>> = {
  "fashion-mnist": 0.9106,
  "mnist": 0.9873,
  "cifar-10-grey": 0.5733,
};
