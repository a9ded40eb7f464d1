/** A class with its probability. */
export interface Score {
  /** Index in the model's list of classes, from 0. */
  readonly index: number;
  /** Name of the class. */
  readonly label: string;
  /** Calibrated probability, 0 to 1. */
  readonly confidence: number;
}

/** What all results have in common. */
export interface ResultBase {
  /** The id that `send` returned. */
  readonly id: string;
  /** The model that was to classify the image; `null` if the request did not name one. */
  readonly model: string | null;
  /** The true label, if the sender provided it. */
  readonly actual?: string;
  /** The name of the image's file, if the sender provided it. */
  readonly fileName?: string;
  /** When the image was classified, or failed: ISO 8601, UTC. */
  readonly at: string;
  /** From storing the message to processing it, in milliseconds, by the clocks of two machines. */
  readonly waitedMs: number;
  /** Decoding and inference of the batch that it was part of, in milliseconds. */
  readonly tookMs: number;
}

/** The image was classified. */
export interface Classified extends ResultBase, Score {
  /** Discriminates {@linkcode Result}. */
  readonly status: "classified";
  /** The model that classified it. */
  readonly model: string;
  /** Version of that model. */
  readonly modelVersion: string;
  /** The most probable classes (at most 5), in descending order; the first is this result's own. */
  readonly top: readonly Score[];
  /**
   * Whether the image probably shows none of the model's classes. `label`, `index` and `confidence` are those of the
   * most probable class all the same. Absent if the model has no threshold for it.
   */
  readonly unknown?: boolean;
}

/** The image could not be classified. The original message is in the dead letters, unless it expired. */
export interface Failed extends ResultBase {
  /** Discriminates {@linkcode Result}. */
  readonly status: "failed";
  /** Version of the model that could not classify it; absent where no model was given the image. */
  readonly modelVersion?: string;
  /** The reason. */
  readonly error: {
    /** Kind of failure: `not_an_image`, `unknown_model`, `expired`, … (docs/failures.md lists them). */
    readonly code: string;
    /** What was wrong, human-readable. */
    readonly message: string;
  };
}

/** The outcome for one image: one type for all models. */
export type Result = Classified | Failed;
