import type { Outcome } from "../../models/classifier.ts";

/** A failure with the index of its image in the batch. */
type FailureAt = readonly [image: number, failure: Extract<Outcome, { ok: false }>];

/**
 * The outcomes of a batch as numbers. As objects they would be six per image, and copying those from thread to thread takes
 * longer than to decode an image.
 */
export interface PackedOutcomes {
  /** Number of classes of each image: 0 for a failure. */
  readonly counts: Uint16Array;
  /** Indices of these classes, image after image. */
  readonly indices: Uint32Array;
  /** Their confidences. */
  readonly confidences: Float64Array;
  /** `unknown` of each image as 0 or 1; -1 where it is absent. */
  readonly unknown: Int8Array;
  readonly failures: readonly FailureAt[];
}

/** Packs outcomes for the way to another thread. */
export function packOutcomes(outcomes: readonly Outcome[]): PackedOutcomes {
  const scores = outcomes.flatMap((outcome) => outcome.ok ? outcome.top : []);
  return {
    counts: Uint16Array.from(outcomes, (outcome) => outcome.ok ? outcome.top.length : 0),
    indices: Uint32Array.from(scores, ({ index }) => index),
    confidences: Float64Array.from(scores, ({ confidence }) => confidence),
    unknown: Int8Array.from(outcomes, (outcome) => outcome.ok ? Number(outcome.unknown ?? -1) : -1),
    failures: outcomes.flatMap((outcome, image) => outcome.ok ? [] : [[image, outcome] as const]),
  };
}

/**
 * Unpacks what {@linkcode packOutcomes} has packed.
 *
 * @param packed What was received.
 * @param labels Of the model.
 */
export function unpackOutcomes(packed: PackedOutcomes, labels: readonly string[]): Outcome[] {
  const { counts, indices, confidences, unknown } = packed;
  const failures = new Map(packed.failures);
  let at = 0;
  return Array.from(counts, (count, image): Outcome => {
    if (count === 0) return failures.get(image)!;
    const score = () => {
      const index = indices[at]!;
      return { index, label: labels[index] ?? "", confidence: confidences[at++]! };
    };
    const best = score();
    const others = Array.from({ length: count - 1 }, score);
    const top: Extract<Outcome, { ok: true }>["top"] = [best, ...others];
    return unknown[image]! < 0 ? { ok: true, top } : { ok: true, top, unknown: unknown[image] === 1 };
  });
}
