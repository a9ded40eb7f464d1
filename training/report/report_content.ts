/**
 * Content of a report. Missing parts have no section.
 *
 * @module
 */
import type { EpochRecord } from "../fitting/trained_model.ts";
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
  /** Accuracies of several runs, for a box plot. */
  readonly folds?: FoldAccuracies;
}

/** Facts for the table at the top. Accuracies are computed from the evaluations. */
export interface ReportFacts {
  /** Training data, e.g. `"Fashion-MNIST train"`. */
  readonly data?: string;
  /** Number of trained parameters. */
  readonly parameters?: number;
  /** Size of the weights file. */
  readonly weightsBytes?: number;
  /** Multiplications (each with an addition) per image. */
  readonly multiplyAdds?: number;
  /** Time to classify an image, and how it was measured, e.g. `"one thread, batches of 32"`. */
  readonly cost?: { readonly millisecondsPerImage: number; readonly conditions: string };
  readonly trainingSeconds?: number;
  /** Seeds of the random numbers, one per run. */
  readonly seeds?: readonly number[];
}

/** One training. */
export interface TrainingRun {
  /** E.g. `"seed 1"`, `"fold 3"`. */
  readonly name: string;
  /** In ascending order. */
  readonly epochs: readonly EpochRecord[];
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
