/**
 * What the recipes of the shipped models share: small convolutions, pooling and ReLU, with the settings of
 * airbench94 (Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024).
 *
 * @module
 */
import type { Layer } from "../../models/manifest.ts";
import type { Optimiser, Recipe } from "./recipe.ts";

/**
 * A convolution that keeps the size of the image.
 *
 * @param filters A multiple of 8.
 * @returns 3×3, with ReLU.
 */
export function convolution(filters: number): Layer {
  return { type: "conv2d", filters, kernel: 3, padding: "same", activation: "relu" };
}

const OPTIMISER: Optimiser = {
  learningRate: 1.2,
  momentum: 0.85,
  nesterov: true,
  weightDecay: 1.5e-3,
  biasRate: 32,
  warmUp: 0.23,
  finalRate: 0.07,
};

/** The published settings, with learning rates that also suit normalisation over fewer images. */
export const FAST_TRAINING: Omit<
  Recipe,
  "name" | "version" | "description" | "data" | "layers" | "epochs" | "augmentation" | "card"
> = {
  batchNorm: true,
  initial: { whiten: true, identity: true },
  logitScale: 1 / 9,
  batch: 1_024,
  shard: 128,
  optimiser: OPTIMISER,
  lookahead: { every: 5, decay: 0.95 },
  fineTuning: {
    epochs: 5,
    optimiser: { ...OPTIMISER, learningRate: 0.3, warmUp: 0, finalRate: 0 },
  },
  labelSmoothing: 0.2,
  validationImages: 2_000,
  seed: 1,
};
