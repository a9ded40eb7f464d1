/**
 * Reports as HTML files. Commands import this module only when they write one: it loads the plots.
 *
 * @module
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type DataSet, imageAt } from "../training/datasets/data_set.ts";
import { defined } from "../lib/defined.ts";
import { encodePng } from "../models/image/encode_png.ts";
import { parameterCount, shapeLayers } from "../models/layers/layers.ts";
import type { Manifest } from "../models/manifest.ts";
import { writeWholeFile } from "../models/model_folder.ts";
import type { CrossValidation } from "../training/evaluation/cross_validate.ts";
import { type Evaluation, EVALUATION_BATCH } from "../training/evaluation/evaluate.ts";
import type { Recipe } from "../training/recipes/recipe.ts";
import {
  pickMistakes,
  type ReportContent,
  type ReportEvaluation,
  writeReport,
} from "../training/report/report.ts";
import type { TrainingLog } from "../training/training_log.ts";

/** Writes the evaluations of a model as one HTML file. */
export async function writeModelReport(
  path: string,
  manifest: Manifest,
  evaluations: readonly [Evaluation, ...Evaluation[]],
  data: DataSet,
  log: TrainingLog | undefined,
): Promise<void> {
  const [whole] = evaluations;
  const { name, version, description, temperature = 1, labels, weights } = manifest;
  const measured = (evaluation: Evaluation): ReportEvaluation => ({
    ...evaluation,
    classes: labels,
    temperature,
  });
  const layers = shapeLayers(manifest.input, manifest.layers, name);
  await writeFile(path, {
    title: `${name}: report`,
    model: { name, version },
    description,
    created: new Date(),
    facts: {
      parameters: parameterCount(layers),
      weightsBytes: weights.bytes,
      multiplyAdds: layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0),
      cost: {
        millisecondsPerImage: 1000 * whole.seconds / whole.images,
        conditions: `PNG to label, one thread, batches of ${EVALUATION_BATCH}`,
      },
      ...(log && { seeds: log.trainings.map(({ seed }) => seed) }),
    },
    ...(log && { curves: log.trainings.map(({ seed, epochs }) => ({ name: `seed ${seed}`, epochs })) }),
    evaluations: evaluations.map(measured),
    mistakes: pickMistakes(measured(whole), (index) => encode(data, index)),
  });
}

/** Writes a cross-validation as one HTML file. */
export async function writeFoldsReport(
  path: string,
  { name, description, seed }: Recipe,
  { data, trainings }: CrossValidation,
  reference: number | undefined,
): Promise<void> {
  await writeFile(path, {
    title: `${name}: cross-validation`,
    model: { name },
    description,
    created: new Date(),
    facts: {
      data,
      seeds: [seed],
      trainingSeconds: trainings.reduce((sum, { seconds }) => sum + seconds, 0),
    },
    curves: trainings.map(({ history }, i) => ({ name: `fold ${i + 1}`, epochs: history })),
    folds: {
      name: `${data}, ${trainings.length} folds`,
      accuracies: trainings.map(({ validationAccuracy }) => validationAccuracy),
      ...defined({ reference }),
    },
  });
}

/** Replaces an existing file. */
async function writeFile(path: string, content: ReportContent): Promise<void> {
  const html = new TextEncoder().encode(writeReport(content));
  await writeWholeFile(pathToFileURL(resolve(path)), html, true);
}

function encode(data: DataSet, index: number): Uint8Array {
  const { width, height, channels } = data;
  return encodePng({ width, height, channels, data: imageAt(data, index) });
}
