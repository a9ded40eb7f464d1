import { pathToFileURL } from "node:url";
import { exportKeras } from "../../convert/keras/export.ts";
import { loadModels } from "../../models/registry.ts";
import { assert } from "../../testing/assert.ts";
import { importNetwork, largestDifference, NETWORKS, probabilities } from "../fixtures/keras_models.ts";
import { pythonEnvironment, runPython } from "../../testing/python_environment.ts";
import { wideModel } from "../fixtures/wide_model.ts";

/** Of probabilities. */
const TOLERANCE = 1e-5;

/** Keras 2 needs TensorFlow, and Keras 3 can run on it. */
const environment = await pythonEnvironment(["tensorflow-cpu==2.20.0", "tf-keras==2.20.1", "keras==3.12.0"]);

function runScript(python: string, name: string, args: readonly string[]): Promise<string> {
  return runPython(python, new URL(`../fixtures/keras/${name}`, import.meta.url), args);
}

function testKeras(name: string, fn: (python: string, dir: string) => Promise<void>): void {
  const skipped = "missing" in environment ? ` (skipped: ${environment.missing})` : "";
  Deno.test({
    name: `keras parity: ${name}${skipped}`,
    ignore: skipped !== "",
    async fn() {
      const dir = await Deno.makeTempDir();
      try {
        if ("python" in environment) await fn(environment.python, dir);
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}

for (const version of ["2", "3"]) {
  testKeras(
    `models of Keras ${version} have the same confidences here, as .h5 and as .keras`,
    async (python, dir) => {
      const seed = String(1 + Math.floor(Math.random() * 1e6));
      await runScript(python, "make.py", [version, seed, dir]);
      const expected = JSON.parse(await Deno.readTextFile(`${dir}/expected.json`));
      for (const file of NETWORKS.flatMap((name) => [`${name}.h5`, `${name}.keras`])) {
        const imported = await importNetwork(pathToFileURL(`${dir}/${file}`));
        const difference = largestDifference(await probabilities(imported), expected[file.split(".")[0]!]);
        assert(difference < TOLERANCE, `${file}, created with the seed ${seed}, is off by ${difference}`);
      }
    },
  );

  testKeras(`exported models have the same confidences in Keras ${version}`, async (python, dir) => {
    const models = [await wideModel(), ...await loadModels()];
    const paths = models.map(({ manifest }) => `${dir}/${manifest.name}.h5`);
    for (const [i, model] of models.entries()) await Deno.writeFile(paths[i]!, await exportKeras(model));
    const predicted: number[][][] = JSON.parse(await runScript(python, "predict.py", [version, ...paths]));
    for (const [i, model] of models.entries()) {
      const difference = largestDifference(await probabilities(model), predicted[i]!);
      assert(difference < TOLERANCE, `${model.manifest.name} is off by ${difference}`);
    }
  });
}
