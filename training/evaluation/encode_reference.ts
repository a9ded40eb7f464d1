import { argmax, rowsOf, softmax } from "../../models/logits.ts";
import type { Manifest } from "../../models/manifest.ts";
import { referenceOf } from "../../models/reference.ts";
import type { Evaluation } from "./evaluate.ts";

/**
 * What a model predicts for its test images, as the content of `reference.json`.
 *
 * @param evaluation Of the test images.
 * @param manifest Of the model.
 */
export function encodeReference(
  { data, images, logits }: Evaluation,
  { labels, temperature = 1 }: Pick<Manifest, "labels" | "temperature">,
): Uint8Array {
  const predictions = rowsOf(logits, images).map((row) => {
    const probabilities = softmax(row, temperature);
    const index = argmax(probabilities);
    return { index, confidence: probabilities[index]! };
  });
  return new TextEncoder().encode(JSON.stringify(referenceOf(data, predictions, labels.length)) + "\n");
}
