/**
 * What a report is written from. Whatever is left out has no section.
 *
 * @module
 */
import type { Answers } from "./metrics.ts";

/** Everything a report can say about a model. */
export interface ReportContent {
  /** The heading, e.g. `"fashion-mnist: report of the training"`. */
  readonly title: string;
  /** The model that was measured. */
  readonly model: {
    /** Its name. */
    readonly name: string;
    /** Its version; left out for a recipe that gives no model, e.g. in a cross-validation. */
    readonly version?: string;
  };
  /** One line for people: what the model tells apart. */
  readonly description: string;
  /** When the report was made. */
  readonly made: Date;
  /** How the model was made and what it costs. */
  readonly facts?: ReportFacts;
  /** Learning curves: one run, or one for each seed or fold; all of the same recipe. */
  readonly curves?: readonly TrainingRun[];
  /** Measurements on labelled images, the most important first. */
  readonly evaluations?: readonly ReportEvaluation[];
  /** Wrong answers as pictures, the most confident first; see `pickMistakes`. */
  readonly mistakes?: readonly Mistake[];
  /** Accuracies of several runs, each group a box plot. */
  readonly folds?: readonly FoldAccuracies[];
}

/** Facts for the table at the top. Accuracies are not among them: they are worked out from the evaluations. */
export interface ReportFacts {
  /** What was learnt from, e.g. `"Fashion-MNIST train, the first 55,000 images"`. */
  readonly data?: string;
  /** How many images were learnt from. */
  readonly trainingImages?: number;
  /** How many images the choices were made by. */
  readonly validationImages?: number;
  /** How many numbers were trained. */
  readonly parameters?: number;
  /** Size of the weights as stored. */
  readonly weightsBytes?: number;
  /** Multiplications (each with an addition) for one image. */
  readonly multiplyAdds?: number;
  /** Time to classify one image, in milliseconds. */
  readonly millisecondsPerImage?: number;
  /** How that time was measured, e.g. `"one thread, batches of 32"`. */
  readonly costConditions?: string;
  /** Time of the training, in seconds. */
  readonly trainingSeconds?: number;
  /** What the random numbers began with; several for several runs. */
  readonly seeds?: readonly number[];
  /** The recipe in words, one paragraph. */
  readonly recipe?: string;
  /** Anything else, in order, e.g. the machine. */
  readonly more?: readonly { readonly name: string; readonly value: string }[];
}

/** How one training went. */
export interface TrainingRun {
  /** E.g. `"seed 1"`, `"fold 3"`. */
  readonly name: string;
  /** In ascending order. */
  readonly epochs: readonly EpochMeasures[];
}

/** What was measured in or after one epoch. */
export interface EpochMeasures {
  /** From 1. */
  readonly epoch: number;
  /** Mean loss over the images learnt from, as they were learnt from, in nats. */
  readonly trainLoss: number;
  /** Share of right answers on them, 0 to 1. */
  readonly trainAccuracy?: number;
  /** Mean loss over the validation images, in nats. */
  readonly validationLoss?: number;
  /** Share of right answers on them, 0 to 1. */
  readonly validationAccuracy?: number;
  /** At the end of the epoch. */
  readonly learningRate?: number;
  /** Images learnt from in a second. */
  readonly imagesPerSecond?: number;
}

/** What a model answered to a set of labelled images. */
export interface ReportEvaluation extends Answers {
  /** The data, e.g. `"CIFAR-10 test, records 0 to 999"`. */
  readonly data: string;
  /** The classes, in the order of the logits: 2 at least. */
  readonly classes: readonly string[];
  /** What the model divides its logits by (> 0). */
  readonly temperature: number;
}

/** A wrong answer. */
export interface Mistake {
  /** The image, encoded as PNG. */
  readonly png: Uint8Array;
  /** The right class. */
  readonly label: string;
  /** What it was taken for. */
  readonly predicted: string;
  /** After temperature scaling, 0 to 1. */
  readonly confidence: number;
  /** Position in its data set, from 0. */
  readonly index: number;
}

/** What several runs of one recipe reached. */
export interface FoldAccuracies {
  /** E.g. `"Fashion-MNIST, 5 folds"`. */
  readonly name: string;
  /** Share of right answers of each run, 0 to 1; at least one. */
  readonly accuracies: readonly number[];
  /** A published figure to compare with, 0 to 1. */
  readonly reference?: number;
}
