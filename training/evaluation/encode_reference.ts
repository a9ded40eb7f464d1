import { toneOf } from "../../models/image/tone.ts";
import { argmax, rowsOf, softmax } from "../../models/logits.ts";
import type { Manifest } from "../../models/manifest.ts";
import { referenceOf } from "../../models/reference.ts";
import { type DataSet, imageAt } from "../datasets/data_set.ts";
import type { Evaluation } from "./evaluate.ts";

/**
 * What a model is sent and predicts for its test images, as the content of `reference.json`.
 *
 * @param test The test images.
 * @param evaluation Of them.
 * @param manifest Of the model.
 */
export function encodeReference(
  test: DataSet,
  { data, images, logits }: Evaluation,
  { labels, temperature = 1, input }: Pick<Manifest, "labels" | "temperature" | "input">,
): Uint8Array {
  const predictions = rowsOf(logits, images).map((row) => {
    const probabilities = softmax(row, temperature);
    const index = argmax(probabilities);
    return { index, confidence: probabilities[index]! };
  });
  const { width, height, channels } = test;
  const tones = predictions.map((_, i) => toneOf({ width, height, channels, data: imageAt(test, i) }, input));
  const reference = referenceOf(data, predictions, tones, labels.length);
  return new TextEncoder().encode(JSON.stringify(reference) + "\n");
}
