import type { Recipe } from "./recipe.ts";
import { convolution, FAST_TRAINING } from "./vgg.ts";

/** What is tried first on somebody's own data: a small network for small pictures, and changes that suit most things. */
export const OWN_DATA: Recipe = {
  ...FAST_TRAINING,
  name: "own-data",
  version: "1.0.0",
  description: "A small network for small pictures",
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
    use: "It tells the classes apart that its pictures show. Whoever trained it knows what for.",
    data: "A folder of pictures, one folder a class.",
    limits: "Any picture gets one of the labels: it can't say that it sees none of them.",
  },
};
