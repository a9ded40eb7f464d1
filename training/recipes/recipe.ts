/**
 * Recipes: how a model is trained. A recipe is data; with the same images it gives the same weights, whatever
 * the number of Workers.
 *
 * @module
 */
import type { FolderForm } from "../datasets/image_folder.ts";
import type { InputSpec, Layer } from "../../models/manifest.ts";
import type { Augmentation } from "../augmentation/augment.ts";

/** Everything that determines the result of a training. */
export interface Recipe {
  /** Name of the model and its folder. */
  readonly name: string;
  /** Version of the model; changes with this recipe. */
  readonly version: string;
  /** One human-readable line of up to 500 characters. */
  readonly description: string;
  /** Training data, as for `readTrainingData`. */
  readonly data: string;
  /** What the images of an image folder are converted to. @default {all must have the same form} */
  readonly form?: FolderForm;
  /**
   * The network, as it is served: square convolutions with stride 1 and a multiple of 8 filters, pooling with
   * adjacent windows, dense layers.
   */
  readonly layers: readonly Layer[];
  /**
   * Whether images are standardised by mean and deviation of all training images, else scaled to 0…1.
   * @default {true}
   */
  readonly standardise?: boolean;
  /** Fields of the manifest's `input` that are not measured on the training images, or replace what is. */
  readonly input?: Partial<InputSpec>;
  /**
   * Whether batch normalisation follows each convolution during training; it is folded into the kernels at
   * the end.
   */
  readonly batchNorm: boolean;
  /** How the parameters are initialised. */
  readonly initial: Initialisation;
  /** Factor of the logits during training; folded into the last layer at the end (> 0). @default {1} */
  readonly logitScale?: number;
  /** How often each image is used, 1 to 10,000. */
  readonly epochs: number;
  /** Images per step, 1 to 65,536. */
  readonly batch: number;
  /**
   * Images whose gradient is computed, and which are normalised, together: 1 to 4,096, a divisor of `batch`.
   */
  readonly shard: number;
  /** How the parameters are updated. */
  readonly optimiser: Optimiser;
  /** Averages the weights during training. @default {no averaging} */
  readonly lookahead?: Lookahead;
  /** Share of each label's probability that is spread over all classes, 0 to 0.9 (Szegedy et al. 2016). */
  readonly labelSmoothing: number;
  /** How training images are changed at random. */
  readonly augmentation: Augmentation;
  /** Number of training images that are held out; every choice is made on them, never on the test images. */
  readonly validationImages: number;
  /** A number of first test images that are also reported separately. */
  readonly firstTestImages?: { readonly count: number; readonly title: string };
  /** Other data whose test images are also reported, as for `readTrainingData`. */
  readonly otherTests?: readonly string[];
  /** The model whose weights are trained further. @default {random weights} */
  readonly from?: { readonly name: string; readonly version: string; readonly sha256: string };
  /** Images of a folder that are trained on too, each so many times per epoch. @default {none} */
  readonly extra?: { readonly title: string; readonly images: number; readonly times: number };
  /** Fields that differ when the weights of a model are trained further. @default {none} */
  readonly fineTuning?: Omit<Partial<Recipe>, "fineTuning">;
  /** Seed of all random numbers, 0 to 2³¹ − 1. */
  readonly seed: number;
  /** Texts of the model card. */
  readonly card: CardText;
}

/** How the parameters are initialised. */
export interface Initialisation {
  /**
   * Whether the first layer is fixed at the whitening transformation of the image's patches (Page 2019): its
   * filters, two for each number of a patch, are the principal axes of the patches and their negatives.
   */
  readonly whiten: boolean;
  /** Whether each convolution first passes its input on, in as many filters as there are channels (Dirac). */
  readonly identity: boolean;
}

/** Stochastic gradient descent with momentum on the mean loss of a batch. */
export interface Optimiser {
  /** Maximum learning rate, above 0 and up to 100. */
  readonly learningRate: number;
  /** Share of the velocity that is kept from step to step, 0 to 0.9999. */
  readonly momentum: number;
  /** Whether the step looks ahead along the velocity (Nesterov). */
  readonly nesterov: boolean;
  /** Share of each parameter that is added to its gradient, 0 to 1. */
  readonly weightDecay: number;
  /**
   * Multiplies the learning rate of biases after a batch normalisation, and divides their decay.
   *
   * @default {1}
   */
  readonly biasRate?: number;
  /** Share of the steps over which the rate rises to the maximum, from a fifth of it, 0 to 1. */
  readonly warmUp: number;
  /** Rate at the end, after a linear decrease, as a share of the maximum, 0 to 1; 1 keeps it constant. */
  readonly finalRate: number;
}

/** Lookahead (Zhang et al. 2019): every few steps the weights are reset to their running average. */
export interface Lookahead {
  /** Number of steps between two resets, 1 to 1,000. */
  readonly every: number;
  /** Share of the average that is kept per step at the end, 0 to 1; it grows with the cube of the time. */
  readonly decay: number;
}

/** Texts of the model card, in Markdown. */
export interface CardText {
  /** Intended use. */
  readonly use: string;
  /** Source of the data, and its licence. */
  readonly data: string;
  /** Known limits. */
  readonly limits: string;
}
