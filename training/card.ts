import { plural } from "../lib/plural.ts";
import { describeLayer } from "../models/layers/describe_layer.ts";
import { parameterCount } from "../models/layers/layers.ts";
import { viewCount } from "../models/image/views.ts";
import type { InputSpec, Manifest, View } from "../models/manifest.ts";
import { measureCalibration } from "./report/calibration.ts";
import { count, duration, percent as percentOf } from "./report/format.ts";
import { classMetrics, confusionMatrix, topConfusions } from "./report/metrics.ts";
import { meanInterval, wilsonInterval } from "./report/statistics.ts";
import { EVALUATION_BATCH } from "./evaluation/evaluate.ts";
import { formText } from "./card_form.ts";
import type { Evaluation } from "./evaluation/evaluate.ts";
import type { Recipe } from "./recipes/recipe.ts";
import type { TestMeasures, TrainedModel, TrainedWeights } from "./fitting/trained_model.ts";
import type { Degradation } from "./augmentation/degrade.ts";

/** What a card describes. */
export interface CardContent extends TrainedModel {
  /** The weights that are in the folder: of one of the trainings, or their mean. */
  readonly best: TrainedWeights;
  readonly manifest: Manifest;
  /** Measured on the test images. */
  readonly measures: TestMeasures;
}

const CONFUSIONS_SHOWN = 5;

/**
 * Writes a model card (Mitchell et al., Model Cards for Model Reporting, 2019). Every number in it was
 * measured.
 *
 * @param content What it describes.
 * @returns Markdown.
 */
export function writeCard(content: CardContent): string {
  const { task: { recipe, layers, validation }, manifest, measures } = content;
  const evaluation = measures.evaluations[0]!;
  return `# ${manifest.name} ${manifest.version}

${manifest.description}. ${measures.evaluations.map(accuracyLine).join(" ")}

## Use

${recipe.card.use}

## Data

${recipe.card.data}

${validationText(content)}${extraText(recipe)}

## Canonical form

${formText(manifest.input)}

## Network and recipe

${layers.map(({ layer, output }) => `- ${describeLayer(layer)} → ${output.join("×")}`).join("\n")}

${count(parameterCount(layers))} parameters stored as ${manifest.weights.dtype}, ${
    count(manifest.weights.bytes)
  } bytes; ${
    count(viewCount(manifest.input) * layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0))
  } multiplications per image.${viewsText(manifest.input)}

${recipeText(recipe)}

${commandText(content)}${startText(recipe)}. ${
    seedText(content)
  } on ${navigator.hardwareConcurrency} cores; \`training.json\` records each epoch.

## Measured

${measuredTable(content)}

${classTable(manifest.labels, evaluation)}

${confusionText(manifest.labels, evaluation)}

## Limits

${recipe.card.limits}

The samples in \`samples/\` are the first test image of each class, not chosen by the model's predictions.${
    validation.count === 0 ? " The confidences are not calibrated." : ""
  }
`;
}

/** Two digits by default, as accuracies need. */
function percent(share: number | undefined, digits = 2): string {
  return percentOf(share, digits).replaceAll("\u00a0", " ");
}

function accuracyLine({ data, images, correct }: Evaluation): string {
  const { value, low, high } = wilsonInterval(correct, images);
  return `Accuracy on the ${count(images)} images of ${data}: **${percent(value)}** (95 % interval ${
    percent(low)
  } to ${percent(high)}).`;
}

function validationText({ task: { validation, train } }: CardContent): string {
  if (validation.count === 0) return `All ${count(train.count)} training images were trained on.`;
  return `The last ${
    count(validation.count)
  } training images were held out for validation: the recipe and the seed` +
    " were chosen and the confidences were calibrated on them. Training makes no choice on the test images.";
}

function extraText({ extra }: Recipe): string {
  return extra === undefined
    ? ""
    : `\n\nTrained also on the ${count(extra.images)} images of ${extra.title} (\`--extra\`), each` +
      ` ${plural(extra.times, "time")} per epoch.`;
}

function commandText({ command }: CardContent): string {
  return command === undefined ? "Trained by a program" : `Trained with \`${command}\``;
}

function startText({ from }: Recipe): string {
  return from === undefined
    ? ""
    : `, starting from the weights of ${from.name} ${from.version} (SHA-256 ${from.sha256.slice(0, 16)}…)`;
}

function seedText({ trainings, average, best }: CardContent): string {
  const used = best === average ? trainings : trainings.filter((training) => training === best);
  const seeds = used.map(({ seed }) => seed).join(", ");
  const time = duration(used.reduce((sum, { seconds }) => sum + seconds, 0));
  return used.length === 1
    ? `Seed ${seeds} took ${time}`
    : `The weights are the mean of those of seeds ${seeds} (Wortsman et al., Model soups, 2022), which together took ${time}`;
}

function viewsText({ views }: InputSpec): string {
  if (views === undefined) return "";
  return ` The network sees each image in ${views.length} views: ${
    views.map(viewText).join("; ")
  }. The logits are averaged.`;
}

function viewText({ mirrored = false, shift: [right, down] = [0, 0] }: View): string {
  const moves = [move(right, "left", "right"), move(down, "up", "down")].filter((text) => text !== "");
  const moved = moves.length === 0 ? [] : [`moved ${moves.join(" and ")}`];
  return [...mirrored ? ["mirrored"] : [], ...moved].join(" and ") || "as it is";
}

function move(pixels: number, back: string, forth: string): string {
  const length = Math.abs(pixels);
  return pixels === 0 ? "" : `${length} ${length === 1 ? "pixel" : "pixels"} ${pixels < 0 ? back : forth}`;
}

function recipeText(recipe: Recipe): string {
  const { optimiser, augmentation, lookahead } = recipe;
  return [
    `Stochastic gradient descent with ${
      optimiser.nesterov ? "Nesterov's " : ""
    }momentum ${optimiser.momentum}, weight decay` +
    ` ${optimiser.weightDecay}, batches of ${recipe.batch}, ${recipe.epochs} epochs.`,
    optimiser.finalRate === 1
      ? `The learning rate is ${optimiser.learningRate}.`
      : `The learning rate ${
        optimiser.warmUp === 0
          ? `is ${optimiser.learningRate}`
          : `rises to ${optimiser.learningRate} over the first ${percent(optimiser.warmUp, 0)} of the steps`
      } and falls linearly to ${percent(optimiser.finalRate, 0)} of that.`,
    recipe.batchNorm
      ? `Batch normalisation over ${recipe.shard} images follows each convolution${
        recipe.initial.whiten
          ? " except the first, which is fixed at the whitening transformation of the patches"
          : ""
      }; it is folded into the kernels.`
      : "",
    lookahead === undefined ? "" : `Lookahead every ${lookahead.every} steps with decay ${lookahead.decay}.`,
    recipe.labelSmoothing > 0 ? `Label smoothing ${recipe.labelSmoothing}.` : "",
    augmentationText(augmentation),
  ].filter((text) => text !== "").join(" ");
}

function augmentationText({ shift, mirror, rotate, zoom, cutout, degrade }: Recipe["augmentation"]): string {
  const changes = [
    shift > 0 ? `shifted by up to ${shift} pixels in each direction` : "",
    mirror ? "mirrored every other epoch" : "",
    rotate ? `rotated by up to ${rotate}°` : "",
    zoom ? `scaled by up to ${percent(zoom, 0)}` : "",
    cutout ? `partly covered by a square of ${cutout}×${cutout} pixels` : "",
  ].filter((change) => change !== "");
  const varied = changes.length === 0 ? "" : `Each image is ${changes.join(", ")}.`;
  return degrade === undefined ? varied : `${varied} ${degradationText(degrade)}`.trim();
}

function degradationText({ jpeg, quality, grey }: Degradation): string {
  const degraded = [
    jpeg > 0 ? `${percent(jpeg, 0)} are compressed as JPEG of quality ${quality} to 95` : "",
    grey > 0 ? `${percent(grey, 0)} are reduced to 28×28 grey` : "",
  ].filter((text) => text !== "");
  return `Before that, ${
    degraded.join(" and ")
  }, different ones in each epoch; the validation images are degraded too.`;
}

function measuredTable(
  { trainings, best, measures, manifest: { temperature = 1, labels } }: CardContent,
): string {
  const { evaluations, accuracies, unroundedAccuracy } = measures;
  const evaluation = evaluations[0]!;
  const calibration = (t: number) => percent(measureCalibration(evaluation, labels.length, t).expectedError);
  const { value, low, high } = meanInterval(accuracies);
  const rows = [
    ...evaluations.map(({ data, correct, images, accuracy }) => [
      `accuracy on ${data}`,
      `${count(correct)} of ${count(images)} (${percent(accuracy)})`,
    ]),
    ["accuracy with float32 weights", percent(unroundedAccuracy)],
    ...trainings.length > 1
      ? [[
        `mean accuracy of ${trainings.length} seeds`,
        `${percent(value)} (95 % interval ${percent(low)} to ${percent(high)}): ${
          accuracies.map((a) => percent(a)).join(", ")
        }`,
      ]]
      : [],
    [
      "accuracy on the validation images",
      percent(Number.isNaN(best.validationAccuracy) ? undefined : best.validationAccuracy),
    ],
    [
      "expected calibration error",
      `${calibration(temperature)} (${calibration(1)} before scaling by the temperature ${temperature})`,
    ],
    [
      `time per image, PNG to label, one thread, batches of ${EVALUATION_BATCH}`,
      `${(1000 * evaluation.seconds / evaluation.images).toFixed(2)} ms`,
    ],
  ];
  return ["| | |", "|---|---|", ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
}

function classTable(labels: readonly string[], evaluation: Evaluation): string {
  const matrix = confusionMatrix(evaluation, labels.length);
  const rows = classMetrics(matrix, labels.length).map(({ precision, recall }, i) => {
    const others = labels.map((_, k) => k === i ? -1 : matrix[i * labels.length + k]!);
    const max = Math.max(...others);
    const confusion = max > 0 ? `${labels[others.indexOf(max)]} (${max})` : "–";
    return `| ${labels[i]} | ${percent(recall, 1)} | ${percent(precision, 1)} | ${confusion} |`;
  });
  return ["| class | recall | precision | most often confused with |", "|---|---|---|---|", ...rows].join(
    "\n",
  );
}

function confusionText(labels: readonly string[], evaluation: Evaluation): string {
  const matrix = confusionMatrix(evaluation, labels.length);
  const confusions = topConfusions(matrix, labels.length, CONFUSIONS_SHOWN);
  if (confusions.length === 0) return "There are no confusions among the test images.";
  const lines = confusions.map(({ label, predicted, times }) =>
    `- ${labels[label]} classified as ${labels[predicted]}: ${times}`
  );
  return [`The most frequent confusions among the ${count(evaluation.images)} test images:`, "", ...lines]
    .join("\n");
}
