import { type Classifier, createClassifier, type ModelFiles } from "../../models/classifier.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import type { ImageForm } from "../datasets/data_set.ts";
import type { ChooseLabel } from "../datasets/extra_images.ts";

/**
 * Decides between labels by what a model takes for the likeliest of them.
 *
 * @param model Judges; it has the labels of the data.
 * @param form Of the images.
 * @param run Is given the decision, which is valid until it ends.
 * @returns What `run` returns.
 * @throws {ModelError} `backend`. Or what `run` throws.
 */
export async function withLikeliestLabel<Result>(
  model: ModelFiles,
  form: ImageForm,
  run: (choose: ChooseLabel) => Promise<Result>,
): Promise<Result> {
  using classifier = await createClassifier(model, await loadWasmBinary());
  return await run((image, labels) => likeliest(classifier, { ...form, data: image }, labels));
}

function likeliest(
  classifier: Classifier,
  { width, height, channels, data }: ImageForm & { readonly data: Uint8Array },
  labels: readonly number[],
): number {
  const [outcome] = classifier.logits([encodePng({ width, height, channels, data })]);
  if (!outcome!.ok) throw new Error(outcome!.message);
  const { logits } = outcome!;
  return labels.reduce((best, label) => logits[label]! > logits[best]! ? label : best);
}
