import { type Activations, createClassifier, type ModelFiles } from "../../models/classifier.ts";
import { energyScore } from "../../models/unknown.ts";
import { sumOfExponentials } from "../../models/logits.ts";
import { toFloat32 } from "../../models/layers/network_plan.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { activationsOf, type ImageGroup } from "./image_groups.ts";
import { thresholdAt } from "./threshold.ts";
import { scoreOf } from "./train_scorer.ts";

/** One way to decide, at one threshold. */
interface Way {
  readonly title: string;
  isUnknown(image: Activations): boolean;
}

/** How many images of a group are unknown by each way. */
export interface MeasuredGroup {
  readonly title: string;
  readonly known: boolean;
  readonly images: number;
  /** By the title of each way; the first is the model's own. */
  readonly unknown: readonly (readonly [way: string, images: number])[];
}

/**
 * Measures how many images of each group are unknown: to the model, and by other scores whose thresholds were chosen on
 * the same validation images.
 *
 * @param files The model, with a scorer.
 * @param validation Activations of the validation images.
 * @param share Share of them that the threshold of the model leaves unknown.
 * @param groups Any.
 * @param onGroup Called when one was measured.
 */
export async function measureUnknown(
  files: ModelFiles,
  validation: readonly Activations[],
  share: number,
  groups: readonly ImageGroup[],
  onGroup: (group: MeasuredGroup) => void = () => {},
): Promise<MeasuredGroup[]> {
  using classifier = await createClassifier(files, await loadWasmBinary());
  const ways = waysOf(files, validation, share);
  const measured: MeasuredGroup[] = [];
  for (const group of groups) {
    const images = await activationsOf(classifier, group);
    const unknown = ways.map((way) =>
      [way.title, images.filter((image) => way.isUnknown(image)).length] as const
    );
    measured.push({ title: group.title, known: group.known, images: images.length, unknown });
    onGroup(measured.at(-1)!);
  }
  return measured;
}

function waysOf(
  { manifest, scorerWeights }: ModelFiles,
  validation: readonly Activations[],
  share: number,
): Way[] {
  const by = (name: string, at: number, score: (image: Activations) => number): Way => {
    const threshold = thresholdAt(validation.map(score), at);
    return {
      title: `${name}, ${Number((100 * at).toFixed(1))} %`,
      isUnknown: (image) => score(image) < threshold,
    };
  };
  const { temperature = 1 } = manifest;
  const scorer = scorerWeights && toFloat32(scorerWeights, "float32");
  return [
    { title: "the model", isUnknown: ({ unknown }) => unknown === true },
    ...scorer ? [by("features", 3 * share, ({ features }) => scoreOf(scorer, features!))] : [],
    by("energy", share, ({ logits }) => energyScore(logits)),
    by("energy", 3 * share, ({ logits }) => energyScore(logits)),
    by("softmax", 3 * share, ({ logits }) => 1 / sumOfExponentials(logits, temperature)),
  ];
}
