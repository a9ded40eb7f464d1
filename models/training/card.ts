import { describeLayer } from "../describe_layer.ts";
import { parameterCount } from "../layers.ts";
import type { ShapedLayer } from "../layers.ts";
import type { Manifest } from "../manifest.ts";
import type { Evaluation } from "./evaluate.ts";
import type { Recipe } from "./recipes.ts";

/** What a card is written from. */
export interface CardContent {
  /** How the model was made. */
  readonly recipe: Recipe;
  /** What the manifest says. */
  readonly manifest: Manifest;
  /** The layers with their shapes. */
  readonly layers: readonly ShapedLayer[];
  /** Share of right answers on the validation images. */
  readonly validationAccuracy: number;
  /** Time of the training. */
  readonly seconds: number;
  /** Measured once, on the test images. */
  readonly evaluation: Evaluation;
}

const CONFUSIONS_SHOWN = 5;

/**
 * Writes a model card (Mitchell et al., Model Cards for Model Reporting, 2019). Every number in it was measured.
 *
 * @param content What is known of the model.
 * @returns Markdown.
 */
export function writeCard(
  { recipe, manifest, layers, validationAccuracy, seconds, evaluation }: CardContent,
): string {
  const { schedule, augmentation } = recipe;
  const multiplyAdds = layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0);
  return `# ${manifest.name} ${manifest.version}

${manifest.description}. Right on **${percent(evaluation.accuracy)}** of the ${
    count(evaluation.images)
  } images of ${evaluation.data}.

## Use

${recipe.card.use}

## Data

${recipe.card.data}

The last ${count(recipe.validationImages)} training images were not learnt from: the recipe was chosen and the
confidences were calibrated on them. No choice was made by the test images.

## Network and recipe

${layers.map(({ layer, output }) => `- ${describeLayer(layer)} → ${output.join("×")}`).join("\n")}

${count(parameterCount(layers))} parameters stored as ${manifest.weights.dtype}, ${
    count(multiplyAdds)
  } multiplications an image.

Adam with decoupled weight decay ${schedule.weightDecay}, batches of ${recipe.batch}, ${recipe.epochs} epochs; the learning rate rises to
${schedule.learningRate} over the first ${
    percent(schedule.warmUp, 0)
  } of the steps and then falls to 0 in a straight line. Cross-entropy${
    recipe.labelSmoothing > 0 ? ` with labels smoothed by ${recipe.labelSmoothing}` : ""
  }. Each image is
moved by up to ${augmentation.shift} pixel${augmentation.shift === 1 ? "" : "s"} each way${
    augmentation.mirror ? " and mirrored half of the time" : ""
  }. Seed ${recipe.seed}. The training took ${Math.round(seconds / 60)} minutes on one
thread of TensorFlow.js's WASM backend.

## Measured

| | |
|---|---|
| right on the test images | ${count(evaluation.correct)} of ${count(evaluation.images)} (${
    percent(evaluation.accuracy)
  }) |
| right on the validation images | ${percent(validationAccuracy)} |
| temperature | ${manifest.temperature ?? 1} |

| class | right | most often taken for |
|---|---|---|
${manifest.labels.map((_, i) => classRow(manifest.labels, evaluation.confusion, i)).join("\n")}

The most frequent confusions among the ${count(evaluation.images)} test images:

${confusions(manifest.labels, evaluation.confusion).map((line) => `- ${line}`).join("\n")}

## Limits

${recipe.card.limits}

The samples in \`samples/\` are the first test image of each class, not chosen by the model's answer.
`;
}

function classRow(labels: readonly string[], confusion: Evaluation["confusion"], index: number): string {
  const row = confusion[index]!;
  const all = row.reduce((a, b) => a + b, 0);
  const others = row.map((times, i) => i === index ? -1 : times);
  const most = others.indexOf(Math.max(...others));
  return `| ${labels[index]} | ${percent(row[index]! / all, 1)} | ${labels[most]} (${others[most]}) |`;
}

function confusions(labels: readonly string[], confusion: Evaluation["confusion"]): string[] {
  const pairs = confusion.flatMap((row, is) => row.map((times, taken) => ({ is, taken, times })));
  return pairs.filter(({ is, taken }) => is !== taken).sort((a, b) => b.times - a.times).slice(
    0,
    CONFUSIONS_SHOWN,
  )
    .map(({ is, taken, times }) => `${labels[is]} taken for ${labels[taken]}: ${times}`);
}

function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
