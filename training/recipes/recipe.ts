/**
 * What decides how a model is trained. A recipe is data: the same recipe on the same data gives the same weights,
 * whatever the number of Workers.
 *
 * @module
 */
import type { FolderForm } from "../datasets/image_folder.ts";
import type { Layer } from "../../models/manifest.ts";
import type { Augmentation } from "../augmentation/augment.ts";

/** Everything that decides what a training gives. */
export interface Recipe {
  /** Of the model and its folder. */
  readonly name: string;
  /** Of the model; raised with every change of this recipe. */
  readonly version: string;
  /** One line for people. */
  readonly description: string;
  /** What it is learnt from, as `readTrainingData` takes it. */
  readonly data: string;
  /** What the pictures of an image folder are brought into. @default {they must have one form} */
  readonly form?: FolderForm;
  /**
   * The network, as it is served: square convolutions with stride 1 and a multiple of 8 filters, pools side by side,
   * dense layers.
   */
  readonly layers: readonly Layer[];
  /** Whether images are brought to mean 0 and deviation 1, over all training images; else to 0…1. @default {true} */
  readonly standardise?: boolean;
  /** Whether each convolution is followed by batch normalisation while training; it is folded into the kernel at the end. */
  readonly batchNorm: boolean;
  /** How the first numbers are chosen. */
  readonly initial: Initialisation;
  /** Multiplies the logits while training; folded into the last layer at the end. @default {1} */
  readonly logitScale?: number;
  /** How often each image is seen. */
  readonly epochs: number;
  /** Images a step. */
  readonly batch: number;
  /** Images whose gradient is worked out, and which are normalised, together; divides `batch`. */
  readonly shard: number;
  /** How far the parameters move. */
  readonly optimiser: Optimiser;
  /** Averages the weights along the way; without it the last ones are taken. */
  readonly lookahead?: Lookahead;
  /** Share of each label's probability that is spread over all classes (Szegedy et al. 2016). */
  readonly labelSmoothing: number;
  /** How the images are varied. */
  readonly augmentation: Augmentation;
  /** So many training images are not learnt from; every choice is made on them, never on the test images. */
  readonly validationImages: number;
  /** The first test images are reported apart from all of them. */
  readonly firstTestImages?: { readonly count: number; readonly title: string };
  /** Other data whose test images are reported too, as `readTrainingData` takes them. */
  readonly otherTests?: readonly string[];
  /** Start of all random numbers. */
  readonly seed: number;
  /** What the card says of the model, in Markdown. */
  readonly card: CardText;
}

/** How the first numbers are chosen. */
export interface Initialisation {
  /**
   * Whether the first layer is fixed at the whitening transformation of the image's patches (Page 2019): its filters, two
   * for each number of a patch, are the patches' principal axes and their negatives.
   */
  readonly whiten: boolean;
  /** Whether a convolution begins by passing its input on, in as many filters as there are channels (Dirac). */
  readonly identity: boolean;
}

/** Stochastic gradient descent with Nesterov's momentum on the mean loss of a batch. */
export interface Optimiser {
  /** Highest learning rate. */
  readonly learningRate: number;
  /** Share of the velocity that is kept from step to step. */
  readonly momentum: number;
  /** Whether the step looks ahead along the velocity (Nesterov). */
  readonly nesterov: boolean;
  /** Pulls every number towards 0: added to the gradient, times the number. */
  readonly weightDecay: number;
  /** Multiplies the learning rate of the biases after a batch normalisation, and divides their decay. @default {1} */
  readonly biasRate?: number;
  /** Share of the steps over which the rate rises to the highest, from a fifth of it. */
  readonly warmUp: number;
  /** Share of the highest rate that is left at the end, after a straight fall; 1 keeps it constant. */
  readonly finalRate: number;
}

/** Lookahead (Zhang et al. 2019): every few steps the weights are set back to their running average. */
export interface Lookahead {
  /** Steps between two. */
  readonly every: number;
  /** Share of the average that is kept a step, at the end; it grows with the cube of the time. */
  readonly decay: number;
}

/** What the card says of the model, in Markdown. */
export interface CardText {
  /** What it is for, and what not. */
  readonly use: string;
  /** Where the data comes from, and its licence. */
  readonly data: string;
  /** What it can't do. */
  readonly limits: string;
}
