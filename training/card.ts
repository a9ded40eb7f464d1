import { describeLayer } from "../models/layers/describe_layer.ts";
import { parameterCount } from "../models/layers/layers.ts";
import type { Manifest } from "../models/manifest.ts";
import { measureCalibration } from "./report/calibration.ts";
import { count, duration, percent as percentOf } from "./report/format.ts";
import { classMetrics, confusionMatrix, topConfusions } from "./report/metrics.ts";
import { meanInterval, wilsonInterval } from "./report/statistics.ts";
import { EVALUATION_BATCH } from "./evaluation/evaluate.ts";
import type { Evaluation } from "./evaluation/evaluate.ts";
import type { Recipe } from "./recipes/recipe.ts";
import type { TestMeasures, TrainedModel, Training } from "./fitting/trained_model.ts";
import type { Wear } from "./augmentation/degrade.ts";

/** What a card is written from. */
export interface CardContent extends TrainedModel {
  /** The training that was written. */
  readonly best: Training;
  /** What the manifest says. */
  readonly manifest: Manifest;
  /** What was measured on the test images. */
  readonly measures: TestMeasures;
}

const CONFUSIONS_SHOWN = 5;

/**
 * Writes a model card (Mitchell et al., Model Cards for Model Reporting, 2019). Every number in it was measured.
 *
 * @param content What is known of the model.
 * @returns Markdown.
 */
export function writeCard(content: CardContent): string {
  const { task: { recipe, layers, validation }, manifest, measures, best } = content;
  const evaluation = measures.evaluations[0]!;
  return `# ${manifest.name} ${manifest.version}

${manifest.description}. ${measures.evaluations.map(accuracyLine).join(" ")}

## Use

${recipe.card.use}

## Data

${recipe.card.data}

${learntFrom(content)}

## Network and recipe

${layers.map(({ layer, output }) => `- ${describeLayer(layer)} → ${output.join("×")}`).join("\n")}

${count(parameterCount(layers))} parameters stored as ${manifest.weights.dtype}, ${
    count(manifest.weights.bytes)
  } bytes; ${count(layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0))} multiplications an image.

${recipeText(recipe)}

Made by \`deno task train ${recipe.name}${
    content.trainings.length > 1 ? ` --seeds ${content.trainings.length}` : ""
  }\`. Seed ${best.seed} took ${
    duration(best.seconds)
  } on ${navigator.hardwareConcurrency} cores; \`training.json\` has each epoch.

## Measured

${measuredTable(content)}

${classTable(manifest.labels, evaluation)}

The most frequent confusions among the ${count(evaluation.images)} test images:

${confusions(manifest.labels, evaluation).map((line) => `- ${line}`).join("\n")}

## Limits

${recipe.card.limits}

The samples in \`samples/\` are the first test image of each class, not chosen by the model's answer.${
    validation.count === 0 ? " The confidences are not calibrated." : ""
  }
`;
}

/** Two digits, as accuracies need. */
function percent(share: number | undefined, digits = 2): string {
  return percentOf(share, digits).replaceAll("\u00a0", " ");
}

function accuracyLine({ data, images, correct }: Evaluation): string {
  const { value, low, high } = wilsonInterval(correct, images);
  return `Right on **${percent(value)}** of the ${count(images)} images of ${data} (95 % interval ${
    percent(low)
  } to ${percent(high)}).`;
}

function learntFrom({ task: { validation, train } }: CardContent): string {
  if (validation.count === 0) return `All ${count(train.count)} training images were learnt from.`;
  return `The last ${
    count(validation.count)
  } training images were not learnt from: the recipe and the seed were chosen and` +
    " the confidences were calibrated on them. The training makes no choice by the test images.";
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
      : `The learning rate rises to ${optimiser.learningRate} over the first ${
        percent(optimiser.warmUp, 0)
      } of the steps and falls to ${percent(optimiser.finalRate, 0)} of it in a straight line.`,
    recipe.batchNorm
      ? `Batch normalisation over ${recipe.shard} images after each convolution${
        recipe.initial.whiten
          ? " but the first, which is fixed at the whitening transformation of the patches"
          : ""
      }; it is folded into the kernels.`
      : "",
    lookahead === undefined ? "" : `Lookahead every ${lookahead.every} steps with decay ${lookahead.decay}.`,
    recipe.labelSmoothing > 0 ? `Labels smoothed by ${recipe.labelSmoothing}.` : "",
    augmentationText(augmentation),
  ].filter((text) => text !== "").join(" ");
}

function augmentationText({ shift, mirror, rotate, zoom, cutout, wear }: Recipe["augmentation"]): string {
  const changes = [
    shift > 0 ? `moved by up to ${shift} pixels each way` : "",
    mirror ? "mirrored every other epoch" : "",
    rotate ? `turned by up to ${rotate}°` : "",
    zoom ? `made larger or smaller by up to ${percent(zoom, 0)}` : "",
    cutout ? `partly covered by a square of ${cutout} pixels` : "",
  ].filter((change) => change !== "");
  const varied = changes.length === 0 ? "" : `Each image is ${changes.join(", ")}.`;
  return wear === undefined ? varied : `${varied} ${wearText(wear)}`.trim();
}

function wearText({ jpeg, quality, grey }: Wear): string {
  const wear = [
    jpeg > 0 ? `${percent(jpeg, 0)} were stored as JPEG of quality ${quality} to 95` : "",
    grey > 0 ? `${percent(grey, 0)} were brought down to 28×28 grey` : "",
  ].filter((text) => text !== "");
  return `Before that ${wear.join(" and ")}, other ones in each epoch; so were the validation images.`;
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
      `right on ${data}`,
      `${count(correct)} of ${count(images)} (${percent(accuracy)})`,
    ]),
    ["with the weights as float32", percent(unroundedAccuracy)],
    ...trainings.length > 1
      ? [[
        `mean of ${trainings.length} seeds`,
        `${percent(value)} (95 % interval ${percent(low)} to ${percent(high)}): ${
          accuracies.map((a) => percent(a)).join(", ")
        }`,
      ]]
      : [],
    [
      "right on the validation images",
      percent(Number.isNaN(best.validationAccuracy) ? undefined : best.validationAccuracy),
    ],
    [
      "expected calibration error",
      `${calibration(temperature)} (${calibration(1)} before the temperature ${temperature})`,
    ],
    [
      `cost of an image, PNG to label, one thread, batches of ${EVALUATION_BATCH}`,
      `${(1000 * evaluation.seconds / evaluation.images).toFixed(2)} ms`,
    ],
  ];
  return ["| | |", "|---|---|", ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
}

function classTable(labels: readonly string[], evaluation: Evaluation): string {
  const matrix = confusionMatrix(evaluation, labels.length);
  const rows = classMetrics(matrix, labels.length).map(({ precision, recall }, i) => {
    const others = labels.map((_, k) => k === i ? -1 : matrix[i * labels.length + k]!);
    const most = others.indexOf(Math.max(...others));
    return `| ${labels[i]} | ${percent(recall, 1)} | ${percent(precision, 1)} | ${labels[most]} (${
      others[most]
    }) |`;
  });
  return ["| class | recall | precision | most often taken for |", "|---|---|---|---|", ...rows].join("\n");
}

function confusions(labels: readonly string[], evaluation: Evaluation): string[] {
  const matrix = confusionMatrix(evaluation, labels.length);
  return topConfusions(matrix, labels.length, CONFUSIONS_SHOWN).map(({ label, predicted, times }) =>
    `${labels[label]} taken for ${labels[predicted]}: ${times}`
  );
}
