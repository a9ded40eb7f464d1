import { createClassifier } from "../../models/classifier.ts";
import { readDataSet } from "../../training/datasets/read_data_set.ts";
import { loadModels, SHIPPED_MODELS } from "../../models/registry.ts";
import { evaluate } from "../../training/evaluation/evaluate.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { findTestData, skipped } from "../../testing/data.ts";

/** What each card promises at least; for CIFAR-10 9,000 of the records went through JPEG once more. */
const AT_LEAST: Record<string, number> = { "cifar-10": 0.85, "fashion-mnist": 0.94, "mnist": 0.996 };

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
