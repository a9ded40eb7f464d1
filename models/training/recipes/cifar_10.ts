import type { Layer } from "../../manifest.ts";
import type { Recipe } from "../recipe.ts";

function convolution(filters: number): Layer {
  return { type: "conv2d", filters, kernel: 3, padding: "same", activation: "relu" };
}

/** After airbench94 (Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024), with ReLU and fewer filters. */
export const CIFAR_10: Recipe = {
  name: "cifar-10",
  version: "1.0.0",
  description: "Ten kinds of animals and vehicles, 32×32 RGB",
  data: "cifar-10",
  layers: [
    { type: "conv2d", filters: 24, kernel: 2, activation: "relu" },
    convolution(64),
    { type: "maxPool2d", size: 2 },
    convolution(64),
    convolution(192),
    { type: "maxPool2d", size: 2 },
    convolution(192),
    convolution(240),
    { type: "maxPool2d", size: 2 },
    convolution(240),
    { type: "maxPool2d", size: 3 },
    { type: "flatten" },
    { type: "dense", units: 10 },
  ],
  batchNorm: true,
  initial: { whiten: true, identity: true },
  logitScale: 1 / 9,
  epochs: 20,
  batch: 1_024,
  shard: 128,
  optimiser: {
    learningRate: 1.5,
    momentum: 0.85,
    nesterov: true,
    weightDecay: 1.33e-3,
    biasRate: 64,
    warmUp: 0.23,
    finalRate: 0.07,
  },
  lookahead: { every: 5, decay: 0.95 },
  labelSmoothing: 0.2,
  augmentation: { shift: 2, edge: "reflect", mirror: true },
  validationImages: 2_000,
  seed: 1,
  card: {
    use:
      "Tells ten kinds of animals and vehicles apart on small colour pictures of 32×32 pixels with one thing in the middle.",
    data:
      "[CIFAR-10](https://www.cs.toronto.edu/~kriz/cifar.html) by Krizhevsky, Nair and Hinton (2009): 50,000 training" +
      " and 10,000 test images of 32×32 pixels in colour.",
    limits:
      "Any image gets one of the ten labels: it can't say that it sees none of them. Photographs must be cut to the thing" +
      " and are brought down to 32×32 pixels; what can't be told at that size it can't tell.",
  },
};
