import { Buffer } from "node:buffer";
/** Models that people have at hand, built by the layers API of TensorFlow.js and compared with it. */
import * as tfjs from "npm:@tensorflow/tfjs@4.22.0";
import { importKeras } from "../../convert/keras/import.ts";
import { convertLayer } from "../../convert/keras/converters.ts";
import { invalid } from "../../convert/keras/invalid.ts";
import { imageNode } from "../../convert/keras/network.ts";
import { readGraph } from "../../convert/keras/graph.ts";
import { JsonFields } from "../../lib/json_fields.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { startBackend } from "../../models/backend.ts";
import { ModelError } from "../../models/errors.ts";
import { decodeImage } from "../../models/image/decode.ts";
import { softmax } from "../../models/logits.ts";
import { loadWasmBinary } from "../../models/wasm_binary.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../testing/assert.ts";
import {
  importNetwork,
  KERAS_FIXTURES,
  largestDifference,
  probabilities,
  testImages,
} from "../fixtures/keras_models.ts";
import { noise } from "../fixtures/noise.ts";
import { saveLayers } from "../fixtures/tfjs_layers.ts";

const SHAPE = { height: 8, width: 8, channels: 3 } as const;
const { layers: kinds } = tfjs;
const image = { inputShape: [8, 8, 3] };

/** Its layers, and what its outputs are as probabilities. */
const MODELS: Readonly<Record<string, [tfjs.layers.Layer[], ((outputs: number[]) => number[])?]>> = {
  "one logit": [
    [kinds.flatten(image), kinds.dense({ units: 1 })],
    ([logit]) => softmaxOf([0, logit!]),
  ],
  "sigmoids of several classes": [
    [kinds.flatten(image), kinds.dense({ units: 3, activation: "sigmoid" })],
    (outputs) => softmaxOf(outputs.map((share) => Math.log(share / (1 - share)))),
  ],
  "PReLU": [[
    kinds.conv2d({ ...image, filters: 4, kernelSize: 3 }),
    kinds.prelu({ sharedAxes: [1, 2] }),
    kinds.flatten(),
    kinds.dense({ units: 5 }),
    kinds.prelu({}),
    kinds.dense({ units: 3, activation: "softmax" }),
  ]],
  "LayerNormalization": [[
    kinds.conv2d({ ...image, filters: 4, kernelSize: 3 }),
    kinds.layerNormalization({ epsilon: 1e-2 }),
    kinds.flatten(),
    kinds.layerNormalization({ center: false }),
    kinds.dense({ units: 3, activation: "softmax" }),
  ]],
  "selu": [[
    kinds.flatten(image),
    kinds.dense({ units: 6, activation: "selu" }),
    kinds.dense({ units: 3, activation: "softmax" }),
  ]],
  "a name that ends like another": [[
    kinds.conv2d({ ...image, filters: 4, kernelSize: 3, name: "conv" }),
    kinds.conv2d({ filters: 4, kernelSize: 3, name: "block/conv" }),
    kinds.flatten(),
    kinds.dense({ units: 3, activation: "softmax" }),
  ]],
  "a vector of pixels": [[kinds.dense({ inputShape: [192], units: 3, activation: "softmax" })]],
};

function softmaxOf(logits: readonly number[]): number[] {
  return [...softmax(Float32Array.from(logits), 1)];
}

for (const [name, [list, toProbabilities = (outputs: number[]) => outputs]] of Object.entries(MODELS)) {
  Deno.test(`keras: ${name}: agrees with TensorFlow.js`, async () => {
    await using directory = await temporaryDirectory("keras-more");
    await startBackend(await loadWasmBinary());
    await tfjs.setBackend("cpu"); // That of WASM lacks some of the functions.
    const model = tfjs.sequential({ layers: list });
    model.setWeights(
      model.getWeights().map(({ shape, size }, i) => tfjs.tensor(noise(size, i, [-0.4, 0.5]), shape)),
    );
    await saveLayers(model, directory.path);
    const pixels = testImages(SHAPE).flatMap((png) => [...decodeImage(png, {}).data]);
    const input = tfjs.tensor(pixels, [5, ...model.inputs[0]!.shape.slice(1) as number[]]).div(255);
    const expected = (model.predict(input) as tfjs.Tensor2D).arraySync().map(toProbabilities);
    await tfjs.setBackend("wasm");
    const labels = expected[0]!.map((_, i) => `class ${i}`);
    const imported = await importNetwork(new URL(`file://${directory.path}`), { name: "more", labels });
    const difference = largestDifference(await probabilities(imported), expected);
    assert(difference < 1e-5, `off by ${difference}`);
  });
}

Deno.test("keras: labels of Teachable Machine are read from the file beside the model", async () => {
  await using directory = await temporaryDirectory("keras-more");
  const model = tfjs.sequential({
    layers: [kinds.flatten(image), kinds.dense({ units: 2, activation: "softmax" })],
  });
  await saveLayers(model, directory.path);
  await Deno.writeTextFile(
    `${directory.path}/metadata.json`,
    '{"tmVersion": "2.4.5", "labels": ["Cat", "Dog"]}',
  );
  const { manifest } = await importKeras({ url: new URL(`file://${directory.path}`), name: "tm" });
  assertEquals(manifest.labels, ["Cat", "Dog"]);
});

function convertOne(
  className: string,
  config: object,
  constants: readonly unknown[] = [],
  constantFirst = false,
) {
  const input = imageNode([8, 8, 3]);
  const fields = new JsonFields(config, className, invalid);
  return convertLayer(className, {
    name: className,
    config: fields,
    inputs: [input],
    constants,
    constantFirst,
    weights: () => [],
  });
}

Deno.test("keras: the operations of preprocess_input become a scale and a shift", () => {
  const cases = [
    ["TFOpLambda", { function: "math.truediv" }, [127.5], [1 / 127.5, 0]],
    ["TFOpLambda", { function: "math.subtract" }, [1], [1, -1]],
    ["TrueDivide", {}, [127.5], [1 / 127.5, 0]],
    ["Subtract", {}, [1], [1, -1]],
    ["Multiply", {}, [2], [2, 0]],
    ["Add", {}, [3], [1, 3]],
    ["Add", {}, [3], [1, 3], true],
    ["Multiply", {}, [2], [2, 0], true],
    ["Subtract", {}, [1], [-1, 1], true],
    ["TFOpLambda", { function: "math.subtract" }, [1], [-1, 1], true],
  ] as const;
  for (const [className, config, constants, expected, constantFirst] of cases) {
    const { operation, tensors } = convertOne(className, config, constants, constantFirst);
    assertEquals([operation?.type, tensors[0]![0], tensors[1]![0]], ["affine", ...expected], className);
  }
  assertThrows(() => convertOne("TrueDivide", {}, [255], true), ModelError, "is not supported");
  for (const name of ["__operators__.getitem", "math.add_n"]) {
    assertThrows(
      () => convertOne("TFOpLambda", { function: name }),
      ModelError,
      "The order of channels cannot",
    );
  }
});

Deno.test("keras: a constant before the image is the first argument", () => {
  const tensor = { config: { keras_history: ["in", 0, 0] } };
  const calls: [number[], boolean, unknown][] = [
    [[1], true, [["_CONSTANT_VALUE", -1, 1, { y: ["in", 0, 0], name: null }]]],
    [[1], false, [["in", 0, 0, { y: 1, name: null }]]],
    [[1], true, { args: [1, tensor], kwargs: {} }],
    [[1], false, { args: [tensor, 1], kwargs: {} }],
  ];
  for (const [constants, constantFirst, call] of calls) {
    const input = {
      class_name: "InputLayer",
      config: { name: "in", batch_input_shape: [null, 8, 8, 3] },
      inbound_nodes: [],
    };
    const layer = { class_name: "Subtract", config: { name: "out" }, inbound_nodes: [call] };
    const config = { layers: [input, layer], input_layers: [["in", 0, 0]], output_layers: [["out", 0, 0]] };
    const [read] = readGraph({ class_name: "Functional", config }, "x.h5").layers;
    assertEquals([read!.inputs, read!.constants, read!.constantFirst], [[-1], constants, constantFirst]);
  }
});

Deno.test("keras: a layer that computes as in training is refused", () => {
  const tensor = { config: { keras_history: ["in", 0, 0] } };
  const read = (call: unknown) => {
    const layers = [
      { class_name: "InputLayer", config: { name: "in", batch_shape: [null, 8, 8, 3] }, inbound_nodes: [] },
      { class_name: "BatchNormalization", config: { name: "out" }, inbound_nodes: [call] },
    ];
    const config = { layers, input_layers: [["in", 0, 0]], output_layers: [["out", 0, 0]] };
    return readGraph({ class_name: "Functional", config }, "x.h5");
  };
  for (const call of [[["in", 0, 0, { training: true }]], { args: [tensor], kwargs: { training: true } }]) {
    assertThrows(() => read(call), ModelError, 'BatchNormalization "out" is called with training=True');
  }
  read([["in", 0, 0, { training: false }]]);
  read({ args: [tensor], kwargs: { training: false, mask: null } });
});

Deno.test("keras: images are taken in the size that the model would give them", () => {
  assertEquals(convertOne("Resizing", { height: 4, width: 6 }).shape, [4, 6, 3]);
  assertEquals(convertOne("CenterCrop", { height: 5, width: 5 }).shape, [5, 5, 3]);
});

Deno.test("keras: a file of Keras 1 is named as such", async () => {
  await using directory = await temporaryDirectory("keras-more");
  const file = Buffer.from(await Deno.readFile(new URL("keras2/flat.h5", KERAS_FIXTURES))).toString("latin1");
  const old = file.replaceAll("2.20.1", "1.20.1");
  await Deno.writeFile(`${directory.path}/old.h5`, Buffer.from(old, "latin1"));
  const url = new URL(`file://${directory.path}/old.h5`);
  await assertRejects(() => importKeras({ url, name: "old" }), ModelError, "is of Keras 1.");
});
