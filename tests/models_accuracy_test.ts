import { createClassifier } from "../models/classifier.ts";
import { readDataSet } from "../models/datasets/read_data_set.ts";
import { loadModels, SHIPPED_MODELS } from "../models/registry.ts";
import { evaluate } from "../models/training/evaluate.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { assert, assertEquals } from "./assert.ts";
import { findTestData, skipped } from "./fixtures/data.ts";

const AT_LEAST: Record<string, number> = { "fashion-mnist": 0.91, "mnist": 0.989 };

const directory = await findTestData();

for (const name of SHIPPED_MODELS) {
  Deno.test({
    name: `accuracy: ${name} is as good on its 10,000 test images as its manifest says${skipped(directory)}`,
    ignore: directory === undefined,
    async fn() {
      const [files] = await loadModels({ names: [name] });
      const data = await readDataSet(name, "test", directory);
      using classifier = await createClassifier(files!, await loadWasmBinary());
      const { accuracy, images } = await evaluate(classifier, data);
      assertEquals({ images, accuracy }, { images: 10_000, accuracy: files!.manifest.evaluation!.accuracy });
      assert(accuracy >= AT_LEAST[name]!, `${accuracy}`);
    },
  });
}
