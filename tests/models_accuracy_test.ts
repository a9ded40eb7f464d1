import { createClassifier } from "../models/classifier.ts";
import { loadModels, SHIPPED_MODELS } from "../models/registry.ts";
import { findDataDirectory, readDataSet } from "../models/training/data_set.ts";
import type { DataSetName } from "../models/training/data_set.ts";
import { evaluate } from "../models/training/evaluate.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { assert, assertEquals } from "./assert.ts";

const AT_LEAST: Record<string, number> = { "fashion-mnist": 0.91, "mnist": 0.989 };

const missing = await findDataDirectory().then(() => "", (error: Error) => ` (ignored: ${error.message})`);

for (const name of SHIPPED_MODELS) {
  Deno.test({
    name: `accuracy: ${name} is as good on its 10,000 test images as its manifest says${missing}`,
    ignore: missing !== "",
    async fn() {
      const [files] = await loadModels({ names: [name] });
      const data = await readDataSet(name as DataSetName, "test");
      using classifier = await createClassifier(files!, await loadWasmBinary());
      const { accuracy, images } = await evaluate(classifier, data);
      assertEquals({ images, accuracy }, { images: 10_000, accuracy: files!.manifest.evaluation!.accuracy });
      assert(accuracy >= AT_LEAST[name]!, `${accuracy}`);
    },
  });
}
