// The full package has the layers API, which creates and saves such models.
import * as layers from "npm:@tensorflow/tfjs@4.22.0";
import { startBackend } from "../../models/backend.ts";
import { ModelError } from "../../models/errors.ts";
import { decodeImage } from "../../models/image/decode.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals, assertRejects } from "../../testing/assert.ts";
import { importNetwork, largestDifference, probabilities, testImages } from "../fixtures/keras_models.ts";
import { noise } from "../fixtures/noise.ts";
import { saveLayers } from "../fixtures/tfjs_layers.ts";

const SHAPE = { height: 9, width: 8, channels: 3 } as const;

/** A graph of layers of TensorFlow.js, with weights that differ from the initial ones. */
function build(): layers.LayersModel {
  const image = layers.input({ shape: [SHAPE.height, SHAPE.width, SHAPE.channels] });
  const apply = (layer: layers.layers.Layer, ...inputs: layers.SymbolicTensor[]) =>
    layer.apply(inputs.length > 1 ? inputs : inputs[0]!) as layers.SymbolicTensor;
  const { layers: kinds } = layers;
  let x = apply(kinds.conv2d({ filters: 4, kernelSize: 3, padding: "same", useBias: false }), image);
  x = apply(kinds.batchNormalization({}), x);
  x = apply(kinds.reLU({ maxValue: 6 }), x);
  const y = apply(kinds.depthwiseConv2d({ kernelSize: 3, padding: "same", activation: "tanh" }), x);
  x = apply(kinds.add(), x, y);
  x = apply(kinds.concatenate(), x, y);
  x = apply(kinds.separableConv2d({ filters: 5, kernelSize: 3, strides: 2 }), x);
  x = apply(kinds.leakyReLU({ alpha: 0.1 }), x);
  x = apply(kinds.globalAveragePooling2d({}), x);
  x = apply(kinds.dropout({ rate: 0.5 }), x);
  x = apply(kinds.dense({ units: 4, activation: "softmax" }), x);
  const model = layers.model({ inputs: image, outputs: x });
  model.setWeights(
    model.getWeights().map(({ shape, size }, i) => layers.tensor(noise(size, i, [0.1, 0.7]), shape)),
  );
  return model;
}

/** Predictions of the layers API for the images, as pixels of 0 to 1. */
function expectedOf(model: layers.LayersModel): number[][] {
  const pixels = testImages(SHAPE).flatMap((png) => [...decodeImage(png, {}).data]);
  return layers.tidy(() => {
    const input = layers.tensor(pixels, [5, SHAPE.height, SHAPE.width, SHAPE.channels]);
    const predicted = model.predict(layers.div(input, 255)) as layers.Tensor2D;
    return predicted.arraySync();
  });
}

async function saved(
  run: (dir: string, model: layers.LayersModel, json: Json) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  await startBackend(await loadWasmBinary());
  const model = build();
  try {
    await run(dir, model, await saveLayers<Json>(model, dir));
  } finally {
    model.dispose();
    await Deno.remove(dir, { recursive: true });
  }
}

interface Json {
  format: string;
  weightsManifest: [{ paths: string[]; weights: Entry[] }];
}

type Entry = { shape: number[]; quantization?: unknown };

function importFrom(dir: string) {
  return importNetwork(new URL(`file://${dir}`), { name: "web", labels: ["a", "b", "c", "d"] });
}

Deno.test("tfjs: a folder with a layers model agrees with TensorFlow.js", async () => {
  await saved(async (dir, model) => {
    for (const place of [dir, `${dir}/model.json`]) {
      const difference = largestDifference(await probabilities(await importFrom(place)), expectedOf(model));
      assert(difference < 1e-6, `off by ${difference}`);
    }
  });
});

for (const dtype of ["uint8", "uint16", "float16"] as const) {
  Deno.test(`tfjs: weights that are quantised to ${dtype} are converted to floats`, async () => {
    await saved(async (dir, model, json) => {
      await quantize(dir, json, dtype);
      const difference = largestDifference(await probabilities(await importFrom(dir)), expectedOf(model));
      const tolerance = dtype === "uint8" ? 0.02 : 1e-3;
      assert(difference > 1e-9 && difference < tolerance, `off by ${difference}`);
    });
  });
}

/** As tensorflowjs_converter does it: all numbers lie between 0.1 and 0.7. */
async function quantize(dir: string, json: Json, dtype: "uint8" | "uint16" | "float16"): Promise<void> {
  const [group] = json.weightsManifest;
  const files = await Promise.all(group.paths.map((path) => Deno.readFile(`${dir}/${path}`)));
  const numbers = new Float32Array(new Uint8Array(files.flatMap((bytes) => [...bytes])).buffer);
  const [min, steps] = [0.1, dtype === "uint8" ? 255 : 65535];
  const scale = 0.6 / steps;
  const rounded = numbers.map((number) => Math.round((number - min) / scale));
  const quantized = {
    uint8: () => Uint8Array.from(rounded),
    uint16: () => Uint16Array.from(rounded),
    float16: () => Float16Array.from(numbers),
  }[dtype]();
  await Deno.writeFile(`${dir}/${group.paths[0]}`, new Uint8Array(quantized.buffer as ArrayBuffer));
  for (const entry of group.weights) {
    entry.quantization = dtype === "float16" ? { dtype } : { dtype, min, scale };
  }
  group.paths = [group.paths[0]!];
  await Deno.writeTextFile(`${dir}/model.json`, JSON.stringify(json));
}

Deno.test("tfjs: a folder without a complete layers model is refused with the reason", async () => {
  await saved(async (dir, _, json) => {
    const refuse = async (change: (json: Json) => void, message: string) => {
      const changed = structuredClone(json);
      change(changed);
      await Deno.writeTextFile(`${dir}/model.json`, JSON.stringify(changed));
      const error = await assertRejects(() => importFrom(dir), ModelError, message);
      assertEquals(error.code, message.includes("no such file") ? "not_found" : "invalid");
    };
    await refuse((json) => json.format = "graph-model", "is a graph-model; expected a layers model");
    const paths = (...names: string[]) => (json: Json) => void (json.weightsManifest[0].paths = names);
    await refuse(paths("../secret"), 'contains the path "../secret"; expected a file beside it');
    await refuse(paths("gone.bin"), "gone.bin: there is no such file");
    await refuse(paths("group1-shard1of2.bin"), "the weights files have");
    await refuse((json) => json.weightsManifest[0].weights.pop(), "bytes in total; expected");
    await refuse(
      (json) => json.weightsManifest[0].weights[0]!.shape = [3, 3, 4, 3],
      "has weights of 3×3×4×3; expected 3×3×3×4",
    );
    await refuse(
      (json) => json.weightsManifest[0].weights[0]!.quantization = { dtype: "int4" },
      "dtype must be",
    );
    await Deno.remove(`${dir}/model.json`);
    await assertRejects(() => importFrom(dir), ModelError, "has no model.json");
  });
});
