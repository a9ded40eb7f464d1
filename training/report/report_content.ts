/**
 * Content of a report. Missing parts have no section.
 *
 * @module
 */
import type { LabelledLogits } from "./metrics.ts";

/** Everything that a report can show. */
export interface ReportContent {
  /** The heading, e.g. `"fashion-mnist: report of the training"`. */
  readonly title: string;
  /** The measured model. */
  readonly model: {
    readonly name: string;
    /** Missing for a recipe without a model, e.g. in a cross-validation. */
    readonly version?: string;
  };
  /** What the model distinguishes, in one line. */
  readonly description: string;
  /** When the report was created. */
  readonly created: Date;
  /** Origin and cost of the model. */
  readonly facts?: ReportFacts;
  /** Learning curves: one run, or one per seed or fold; all of the same recipe. */
  readonly curves?: readonly TrainingRun[];
  /** Measurements on labelled images, the most important first. */
  readonly evaluations?: readonly ReportEvaluation[];
  /** Images of mistakes, the most confident first; see `pickMistakes`. */
  readonly mistakes?: readonly Mistake[];
  /** Accuracies of several runs, each group a box plot. */
  readonly folds?: readonly FoldAccuracies[];
}

/** Facts for the table at the top. Accuracies are computed from the evaluations. */
export interface ReportFacts {
  /** Training data, e.g. `"Fashion-MNIST train, the first 55,000 images"`. */
  readonly data?: string;
  readonly trainingImages?: number;
  readonly validationImages?: number;
  /** Number of trained parameters. */
  readonly parameters?: number;
  /** Size of the weights file. */
  readonly weightsBytes?: number;
  /** Multiplications (each with an addition) per image. */
  readonly multiplyAdds?: number;
  /** Time to classify an image. */
  readonly millisecondsPerImage?: number;
  /** How that time was measured, e.g. `"one thread, batches of 32"`. */
  readonly costConditions?: string;
  readonly trainingSeconds?: number;
  /** Seeds of the random numbers, one per run. */
  readonly seeds?: readonly number[];
  /** The recipe in words, one paragraph. */
  readonly recipe?: string;
  /** Further facts, in order, e.g. the machine. */
  readonly more?: readonly { readonly name: string; readonly value: string }[];
}

/** One training. */
export interface TrainingRun {
  /** E.g. `"seed 1"`, `"fold 3"`. */
  readonly name: string;
  /** In ascending order. */
  readonly epochs: readonly EpochMeasures[];
}

/** Measurements of one epoch. */
export interface EpochMeasures {
  /** From 1. */
  readonly epoch: number;
  /** Mean loss on the augmented training images, in nats. */
  readonly trainLoss: number;
  /** Accuracy on the augmented training images, 0 to 1. */
  readonly trainAccuracy?: number;
  /** Mean loss on the validation images, in nats. */
  readonly validationLoss?: number;
  /** Accuracy on the validation images, 0 to 1. */
  readonly validationAccuracy?: number;
  /** At the end of the epoch. */
  readonly learningRate?: number;
  /** Training speed. */
  readonly imagesPerSecond?: number;
}

/** Logits of a model for labelled images. */
export interface ReportEvaluation extends LabelledLogits {
  /** The data, e.g. `"CIFAR-10 test, records 0 to 999"`. */
  readonly data: string;
  /** The classes, in the order of the logits: at least 2. */
  readonly classes: readonly string[];
  /** The model divides its logits by it (> 0). */
  readonly temperature: number;
}

/** A wrong prediction. */
export interface Mistake {
  /** The image, encoded as PNG. */
  readonly png: Uint8Array;
  /** The true class. */
  readonly label: string;
  /** The predicted class. */
  readonly predicted: string;
  /** After temperature scaling, 0 to 1. */
  readonly confidence: number;
  /** Position in its data set, from 0. */
  readonly index: number;
}

/** Accuracies of several runs of one recipe. */
export interface FoldAccuracies {
  /** E.g. `"Fashion-MNIST, 5 folds"`. */
  readonly name: string;
  /** Accuracy of each run, 0 to 1; at least one. */
  readonly accuracies: readonly number[];
  /** A published accuracy for comparison, 0 to 1. */
  readonly reference?: number;
}
