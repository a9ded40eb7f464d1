import type { Recipe } from "./recipe.ts";
import { convolution, FAST_TRAINING } from "./vgg.ts";

/** The network of CIFAR-10, narrower; digits are rotated and scaled, never mirrored. */
export const MNIST: Recipe = {
  ...FAST_TRAINING,
  name: "mnist",
  version: "2.1.0",
  description: "Handwritten digits 0 to 9, 28×28 grey, white on black",
  data: "mnist",
  input: { form: "digit" },
  layers: [
    { type: "conv2d", filters: 8, kernel: 2, activation: "relu" },
    convolution(16),
    { type: "maxPool2d", size: 2 },
    convolution(40),
    convolution(40),
    { type: "maxPool2d", size: 2 },
    convolution(80),
    convolution(80),
    { type: "maxPool2d", size: 2 },
    { type: "flatten" },
    { type: "dense", units: 10 },
  ],
  epochs: 24,
  batch: 512,
  optimiser: { ...FAST_TRAINING.optimiser, learningRate: 0.4, biasRate: 8 },
  labelSmoothing: 0.1,
  augmentation: { shift: 2, mirror: false, rotate: 12, zoom: 0.12 },
  card: {
    use: "Recognises a single handwritten digit: photographed or scanned on paper, plain or lined, or in a" +
      " small grey image like those of MNIST. Intended for trying out and measuring the bus, not for" +
      " reading cheques.",
    data: "[MNIST](https://yann.lecun.com/exdb/mnist/) by LeCun, Cortes and Burges (1998, from NIST's" +
      " Special Databases 1 and 3): 60,000 training and 10,000 test images of 28×28 pixels with 256" +
      " greys.",
    limits: "Not every image that shows no digit is recognised as unknown. Several digits, printed digits" +
      " and other scripts are unlike the training images.",
  },
};
