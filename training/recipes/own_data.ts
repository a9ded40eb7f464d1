import type { Recipe } from "./recipe.ts";
import { convolution, FAST_TRAINING } from "./vgg.ts";

/**
 * The default for a user's own data: a small network for small images, and augmentation that suits most
 * objects.
 */
export const OWN_DATA: Recipe = {
  ...FAST_TRAINING,
  name: "own-data",
  version: "1.0.0",
  description: "A small network for small images",
  data: "",
  layers: [
    convolution(32),
    { type: "maxPool2d", size: 2 },
    convolution(64),
    { type: "maxPool2d", size: 2 },
    convolution(96),
    { type: "maxPool2d", size: 2 },
    { type: "flatten" },
    { type: "dense", units: 2 },
  ],
  initial: { whiten: false, identity: true },
  epochs: 30,
  augmentation: { shift: 2, mirror: true },
  card: {
    use: "Intended use: not stated by its author.",
    data: "An image folder with one folder per class.",
    limits: "Images that show none of the labels are not always recognised as unknown.",
  },
};
