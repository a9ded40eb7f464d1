import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type DataSet, imageAt } from "../training/datasets/data_set.ts";
import { encodePng } from "../models/image/encode_png.ts";
import { parameterCount, shapeLayers } from "../models/layers/layers.ts";
import type { Manifest } from "../models/manifest.ts";
import { writeWholeFile } from "../models/model_folder.ts";
import { pickMistakes, type ReportEvaluation, writeReport } from "../training/report/report.ts";
import { type Evaluation, EVALUATION_BATCH } from "../training/evaluation/evaluate.ts";
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
  const text = writeReport({
    title: `${name}: report`,
    model: { name, version },
    description,
    created: new Date(),
    facts: {
      parameters: parameterCount(layers),
      weightsBytes: weights.bytes,
      multiplyAdds: layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0),
      millisecondsPerImage: 1000 * whole.seconds / whole.images,
      costConditions: `PNG to label, one thread, batches of ${EVALUATION_BATCH}`,
      ...(log && { seeds: log.trainings.map(({ seed }) => seed) }),
    },
    ...(log && { curves: log.trainings.map(({ seed, epochs }) => ({ name: `seed ${seed}`, epochs })) }),
    evaluations: evaluations.map(measured),
    mistakes: pickMistakes(measured(whole), (index) => encode(data, index)),
  });
  await writeReportFile(path, text);
}

/** Writes a report to a file, and replaces an existing one. */
export async function writeReportFile(path: string, text: string): Promise<void> {
  await writeWholeFile(pathToFileURL(resolve(path)), new TextEncoder().encode(text), true);
}

function encode(data: DataSet, index: number): Uint8Array {
  const { width, height, channels } = data;
  return encodePng({ width, height, channels, data: imageAt(data, index) });
}
