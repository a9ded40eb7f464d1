import type { Layer } from "../manifest.ts";
import type { Schedule } from "./adam.ts";
import type { Augmentation } from "./augment.ts";
import type { DataSetName } from "../datasets/official.ts";

/** Everything that decides what a training gives. The same recipe on the same data gives the same weights. */
export interface Recipe {
  /** Of the model and its folder. */
  readonly name: string;
  /** Of the model; raised with every change of this recipe. */
  readonly version: string;
  /** One line for people. */
  readonly description: string;
  /** What it is learnt from. */
  readonly data: DataSetName;
  /** The classes, in the order of the data's labels. */
  readonly labels: readonly string[];
  /** The network; convolutions with stride 1 and pools side by side. */
  readonly layers: readonly Layer[];
  /** How often each image is seen. */
  readonly epochs: number;
  /** Images a step. */
  readonly batch: number;
  /** How far the parameters move. */
  readonly schedule: Schedule;
  /** Share of each label's probability that is spread over all classes. */
  readonly labelSmoothing: number;
  /** How the images are varied. */
  readonly augmentation: Augmentation;
  /** So many of the last training images are not learnt from; every choice is made on them, never on the test images. */
  readonly validationImages: number;
  /** Start of all random numbers. */
  readonly seed: number;
  /** What the card says of the model, in Markdown. */
  readonly card: {
    /** What it is for, and what not. */
    readonly use: string;
    /** Where the data comes from, and its licence. */
    readonly data: string;
    /** What it can't do. */
    readonly limits: string;
  };
}

/** 55,000 parameters and 2 million multiplications an image: as accurate as is cheap on one thread of WASM. */
const SMALL_NET: readonly Layer[] = [
  { type: "conv2d", filters: 16, kernel: 3, padding: "same", activation: "relu" },
  { type: "maxPool2d", size: 2 },
  { type: "conv2d", filters: 32, kernel: 3, padding: "same", activation: "relu" },
  { type: "maxPool2d", size: 2 },
  { type: "conv2d", filters: 64, kernel: 3, padding: "same", activation: "relu" },
  { type: "flatten" },
  { type: "dense", units: 10 },
];

const FASHION_MNIST: Recipe = {
  name: "fashion-mnist",
  version: "1.0.0",
  description: "Ten kinds of clothing, 28×28 grey, white on black",
  data: "fashion-mnist",
  labels: [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
  ],
  layers: SMALL_NET,
  epochs: 18,
  batch: 64,
  schedule: { learningRate: 3e-3, warmUp: 0.05, weightDecay: 0.01 },
  labelSmoothing: 0,
  augmentation: { shift: 1, mirror: true },
  validationImages: 5_000,
  seed: 1,
  card: {
    use:
      "Tells ten kinds of clothing apart on small grey pictures cut out like those of Fashion-MNIST: one article in" +
      " the middle, light on a black ground. It is for trying out and measuring the bus, not for sorting a real shop's" +
      " photographs.",
    data:
      "[Fashion-MNIST](https://github.com/zalandoresearch/fashion-mnist) by Zalando Research (MIT licence; Xiao," +
      " Rasul and Vollgraf 2017): 60,000 training and 10,000 test images of 28×28 pixels with 256 greys.",
    limits:
      "Any image gets one of the ten labels: it can't say that it sees none of them. A dark article on a light" +
      " ground, several articles or a wearer in the picture are unlike anything it has seen; expect wrong answers with" +
      " high confidence.",
  },
};

const MNIST: Recipe = {
  name: "mnist",
  version: "1.0.0",
  description: "Handwritten digits 0 to 9, 28×28 grey, white on black",
  data: "mnist",
  labels: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  layers: SMALL_NET,
  epochs: 12,
  batch: 64,
  schedule: { learningRate: 3e-3, warmUp: 0.05, weightDecay: 0.01 },
  labelSmoothing: 0,
  augmentation: { shift: 2, mirror: false },
  validationImages: 5_000,
  seed: 1,
  card: {
    use:
      "Reads one handwritten digit, light on a black ground, in the middle of the picture with a margin as in MNIST." +
      " It is for trying out and measuring the bus, not for reading cheques.",
    data:
      "[MNIST](https://yann.lecun.com/exdb/mnist/) by LeCun, Cortes and Burges (1998, from NIST's Special Databases" +
      " 1 and 3): 60,000 training and 10,000 test images of 28×28 pixels with 256 greys.",
    limits:
      "Any image gets one of the ten labels: it can't say that there is no digit. Dark ink on white paper must be" +
      " inverted first; several digits, printed digits and other scripts are unlike anything it has seen.",
  },
};

/** How the shipped models are made. */
export const RECIPES: readonly Recipe[] = [FASHION_MNIST, MNIST];
