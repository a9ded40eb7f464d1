import { createClassifier } from "../models/classifier.ts";
import type { DataSet } from "../models/datasets/data_set.ts";
import { loadModels } from "../models/registry.ts";
import { measureCalibration } from "../models/report/calibration.ts";
import { wilsonInterval } from "../models/report/statistics.ts";
import { evaluate, type Evaluation, EVALUATION_BATCH } from "../models/training/evaluate.ts";
import { firstImages } from "../models/training/write_model.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import type { ModelFiles } from "../models/classifier.ts";
import type { Arguments } from "./command.ts";
import { writeModelReport } from "./model_report.ts";
import { Progress } from "./progress.ts";
import { columns, percent, print } from "./terminal.ts";

/** Measures a model in this process, on one thread. */
export async function evaluateHere(files: ModelFiles, data: DataSet, args: Arguments): Promise<number> {
  using classifier = await createClassifier(files, await loadWasmBinary());
  const progress = new Progress("images", data.count);
  const whole = await evaluate(classifier, data, { onProgress: (done) => progress.show(done) });
  progress.end();
  const parts = [...firstImages(files.manifest.name, whole, data), whole];
  report(files, parts, args.flag("json"));
  const file = args.text("report");
  if (file !== undefined) await writeModelReport(file, files, parts, data);
  return 0;
}
