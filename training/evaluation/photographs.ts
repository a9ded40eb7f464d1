import { sleep } from "../../lib/sleep.ts";
import type { Classifier, Outcome } from "../../models/classifier.ts";
import { loadDecoders } from "../../models/image/decode.ts";
import { readUrl } from "../../models/read_url.ts";
import { type ClassMapping, resolveClass } from "../datasets/class_mapping.ts";
import type { EvaluateOptions } from "./evaluate.ts";
import { MAX_FILE_BYTES } from "../datasets/image_folder.ts";
import { listPhotographs, type Photograph } from "../datasets/photographs.ts";

/** A photograph of a class of the model. */
export interface ExpectedPhotograph extends Photograph {
  /** Positions of the labels that are right, at least one. */
  readonly expected: readonly number[];
}

/** What the model made of a photograph. */
export interface JudgedPhotograph extends ExpectedPhotograph {
  readonly outcome: Outcome;
  /** Whether the best label is a right one; a refused image is wrong. */
  readonly correct: boolean;
}

/**
 * Lists the photographs of a folder, with the labels that are right for them.
 *
 * @param folder As for {@linkcode listPhotographs}.
 * @param labels Of the model.
 * @param mapping Classes that are not called as the labels are; images of those without a label are left out.
 * @throws {ModelError} `invalid`: a class that is neither in the mapping nor a label, or no photographs at all; `not_found`;
 * `denied`.
 */
export async function expectPhotographs(
  folder: URL,
  labels: readonly string[],
  mapping: ClassMapping = new Map(),
): Promise<ExpectedPhotograph[]> {
  const photographs = await listPhotographs(folder);
  const positions = new Map(
    photographs.map(({ class: name }) => [name, resolveClass(name, labels, mapping)]),
  );
  return photographs
    .map((photograph) => ({ ...photograph, expected: positions.get(photograph.class)! }))
    .filter(({ expected }) => expected.length > 0);
}

/**
 * Classifies photographs as they are in their files, one by one.
 *
 * @param classifier The classifier.
 * @param photographs From {@linkcode expectPhotographs}.
 * @param options Progress and abort.
 * @returns One judgement per photograph, in order.
 * @throws {ModelError} A file that cannot be read or has more than 64 MiB; a fault of the model.
 * @throws The signal's reason.
 */
export async function evaluatePhotographs(
  classifier: Classifier,
  photographs: readonly ExpectedPhotograph[],
  { onProgress, signal }: EvaluateOptions = {},
): Promise<JudgedPhotograph[]> {
  const judged: JudgedPhotograph[] = [];
  for (const photograph of photographs) {
    const bytes = await readUrl(photograph.url, MAX_FILE_BYTES);
    await loadDecoders([bytes]);
    const outcome = classifier.classify([bytes])[0]!;
    const correct = outcome.ok && photograph.expected.includes(outcome.top[0].index);
    judged.push({ ...photograph, outcome, correct });
    onProgress?.(judged.length, photographs.length);
    await sleep(0);
    signal?.throwIfAborted();
  }
  return judged;
}
