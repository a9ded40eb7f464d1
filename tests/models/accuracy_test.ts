import { createClassifier } from "../../models/classifier.ts";
import { readDataSet } from "../../training/datasets/read_data_set.ts";
import { loadModels, SHIPPED_MODELS } from "../../models/registry.ts";
import { evaluate } from "../../training/evaluation/evaluate.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { findTestData, skipped } from "../../testing/data.ts";

/** Minimum accuracy; for CIFAR-10 9,000 of the records went through JPEG once more. */
const MIN_ACCURACY: Record<string, number> = { "cifar-10": 0.9, "fashion-mnist": 0.94, "mnist": 0.996 };

const directory = await findTestData();

for (const name of SHIPPED_MODELS) {
  Deno.test({
    name: `accuracy: ${name} has the accuracy of its manifest on its 10,000 test images${skipped(directory)}`,
    ignore: directory === undefined,
    async fn() {
      const [files] = await loadModels({ names: [name] });
      const data = await readDataSet(name, "test", directory);
      using classifier = await createClassifier(files!, await loadWasmBinary());
      const { accuracy, images } = await evaluate(classifier, data);
      assertEquals({ images, accuracy }, { images: 10_000, accuracy: files!.manifest.evaluation!.accuracy });
      assert(accuracy >= MIN_ACCURACY[name]!, `${accuracy}`);
    },
  });
}
