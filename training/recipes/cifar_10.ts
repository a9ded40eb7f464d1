import type { Augmentation } from "../augmentation/augment.ts";
import type { Recipe } from "./recipe.ts";
import { convolution, FAST_TRAINING } from "./vgg.ts";

const AUGMENTATION: Augmentation = { shift: 2, edge: "reflect", mirror: true };

/** The network of airbench94 with fewer filters, so that the weights take less than 3 MB. */
export const CIFAR_10: Recipe = {
  ...FAST_TRAINING,
  name: "cifar-10",
  version: "2.0.0",
  description: "Ten kinds of animals and vehicles, 32×32 RGB",
  data: "cifar-10",
  input: { form: "photo", views: [{ shift: [-1, -1], edge: "reflect" }, { mirrored: true }] },
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
  epochs: 20,
  augmentation: { ...AUGMENTATION, degrade: { jpeg: 0.3, quality: 40, grey: 0.1 } },
  fineTuning: {
    version: "2.2.0",
    epochs: 3,
    batch: 512,
    optimiser: { ...FAST_TRAINING.optimiser, learningRate: 0.3, warmUp: 0, finalRate: 0 },
    augmentation: { ...AUGMENTATION, degrade: { jpeg: 0.6, quality: 60, grey: 0.1 } },
  },
  firstTestImages: { count: 1_000, title: "CIFAR-10 test, records 0 to 999" },
  otherTests: ["cifar-10-grey"],
  card: {
    use: "Distinguishes ten kinds of animals and vehicles in colour images of 32×32 pixels with a single" +
      " object in the middle.",
    data: "[CIFAR-10](https://www.cs.toronto.edu/~kriz/cifar.html) by Krizhevsky, Nair and Hinton (2009):" +
      " 50,000 training and 10,000 test images of 32×32 pixels in colour. The test file used here has" +
      " the official order and labels, and the official pixels in its first 1,000 records; the pixels" +
      " of the other 9,000 went through JPEG once more (about 7.8 of 255 per pixel, root mean square)," +
      " so the accuracy on all 10,000 is not comparable with published ones. The grey images are the" +
      " same ones reduced to 28×28 grey, as the legacy system sent them.",
    limits: "Not every image that shows none of the ten labels is recognised as unknown. Photographs" +
      " are resized to 32×32 pixels; what is not visible at that size cannot be recognised, so crop" +
      " them to the object.",
  },
};
