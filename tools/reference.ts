/**
 * `deno task reference`: writes what the shipped models are sent and predict for their test images, which services compare
 * with later images.
 *
 * @module
 */
import { runTask } from "../cli/task.ts";
import { logError } from "../cli/ui/terminal.ts";
import { DATA_OPTION } from "../cli/options.ts";
import { createClassifier } from "../models/classifier.ts";
import { REFERENCE_FILE } from "../models/reference.ts";
import { loadModels } from "../models/registry.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { encodeReference } from "../training/evaluation/encode_reference.ts";
import { evaluate } from "../training/evaluation/evaluate.ts";
import { readTrainingData } from "../training/fitting/task.ts";
import { MODELS_OPTION, modelsOf } from "./models_option.ts";

await runTask({
  name: "reference",
  summary: "Write what the shipped models predict for their test images",
  options: { ...MODELS_OPTION, ...DATA_OPTION },
  examples: [["deno task reference --models mnist", "models/mnist/reference.json"]],
  async run({ values }) {
    for (const files of await loadModels({ names: modelsOf(values) })) {
      const { manifest } = files;
      using classifier = await createClassifier(files, await loadWasmBinary());
      const test = await readTrainingData(manifest.name, "test", values.data);
      const evaluation = await evaluate(classifier, test);
      const file = new URL(`../models/${manifest.name}/${REFERENCE_FILE}`, import.meta.url);
      await Deno.writeFile(file, encodeReference(test, evaluation, manifest));
      logError(`${manifest.name}: ${evaluation.images} images, ${evaluation.correct} correct`);
    }
    return 0;
  },
});
