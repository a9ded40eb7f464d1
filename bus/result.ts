/** One class with its share of the probability. */
export interface Score {
  /** Position in the model's list of classes, from 0. */
  readonly index: number;
  /** The class. */
  readonly label: string;
  /** 0 to 1. */
  readonly confidence: number;
}

/** What every result says, whatever became of the image. */
export interface ResultBase {
  /** The id that `send` returned. */
  readonly id: string;
  /** The model that was asked; `null` when the message did not say. */
  readonly model: string | null;
  /** The true label, where the sender told it. */
  readonly actual?: string;
  /** When the answer was found: ISO 8601, UTC. */
  readonly at: string;
  /** From the storing of the message until its work began, in milliseconds. Compares two machines' clocks. */
  readonly waitedMs: number;
  /** The work itself, in milliseconds: decoding and inference of the batch it was part of. */
  readonly tookMs: number;
}

/** The image was classified. */
export interface Classified extends ResultBase, Score {
  /** Tells the two kinds apart. */
  readonly status: "classified";
  /** The model that answered. */
  readonly model: string;
  /** Version of the model that answered. */
  readonly modelVersion: string;
  /** The best classes (at most 5), the answer first. */
  readonly top: readonly Score[];
}

/** The image could not be classified; the original message is in the dead letters, except when it came too late. */
export interface Failed extends ResultBase {
  /** Tells the two kinds apart. */
  readonly status: "failed";
  /** Why. */
  readonly error: {
    /** What kind of failure: `not_an_image`, `unknown_model`, `expired`, … (docs/failures.md lists them). */
    readonly code: string;
    /** What was wrong, for people. */
    readonly message: string;
  };
}

/** What comes back for an image: one type for all models. */
export type Result = Classified | Failed;
