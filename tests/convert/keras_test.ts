import { ModelError } from "../../models/errors.ts";
import { convert } from "../../convert/keras/convert.ts";
import { exportKeras } from "../../convert/keras/export.ts";
import { writeHdf5 } from "../../convert/keras/hdf5.ts";
import type { KerasSource } from "../../convert/keras/source.ts";
import type { Tensor } from "../../convert/keras/tensor.ts";
import { writeModelFolder } from "../../models/model_folder.ts";
import { loadModels } from "../../models/registry.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../../testing/assert.ts";
import { importNetwork, KERAS_FIXTURES, largestDifference, probabilities } from "../fixtures/keras_models.ts";
import { wideModel } from "../fixtures/wide_model.ts";

const FILES = [
  "keras2/flat.h5",
  "keras2/mobile.h5",
  "keras2/plain.keras",
  "keras3/plain.h5",
  "keras3/nested.h5",
  "keras3/unusual.keras",
] as const;

/** Predictions of Keras for the images, recorded when the file was created. */
function expectedOf(file: string): number[][] {
  const [folder, name] = file.split("/");
  const json = Deno.readTextFileSync(new URL(`${folder}/expected.json`, KERAS_FIXTURES));
  return JSON.parse(json)[name!.split(".")[0]!];
}

for (const file of FILES) {
  Deno.test(`keras: ${file} is imported, served from its folder, and agrees with Keras`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      await writeModelFolder(dir, await importNetwork(new URL(file, KERAS_FIXTURES)));
      const [files] = await loadModels({ dirs: [dir], shipped: false });
      const difference = largestDifference(await probabilities(files!), expectedOf(file));
      assert(difference < 1e-6, `off by ${difference}`);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

Deno.test("keras: training-only layers are removed, activations are folded into kernels", async () => {
  const { manifest } = await importNetwork(new URL("keras3/plain.h5", KERAS_FIXTURES));
  assertEquals(manifest.layers, [
    { type: "conv2d", filters: 4, kernel: 3, activation: "relu" },
    { type: "maxPool2d", size: 2, stride: 2 },
    { type: "conv2d", filters: 6, kernel: 3, padding: "same", activation: "relu" },
    { type: "flatten" },
    { type: "dense", units: 8, activation: "relu" },
    { type: "dense", units: 4 },
  ]);
});

Deno.test("keras: pixels are scaled to 0…1 unless the model normalises or options are given", async () => {
  const plain = new URL("keras3/plain.h5", KERAS_FIXTURES);
  const flat = new URL("keras2/flat.h5", KERAS_FIXTURES);
  const guessed = await importNetwork(plain);
  assertEquals([guessed.manifest.input.mean, guessed.manifest.input.std], [[0], [1]]);
  assert(guessed.guessedForm && guessed.card.includes("This is a guess"));
  // A Rescaling of 1 / 127.5 and −1.
  const own = await importNetwork(flat);
  assert(!own.guessedForm && !own.card.includes("guess"));
  assert(
    Math.abs(own.manifest.input.mean[0]! - 0.5) < 1e-9 && Math.abs(own.manifest.input.std[0]! - 0.5) < 1e-9,
  );
  // 128 becomes (128 / 2 − 60) / 8, which is 0.5.
  const given = await importNetwork(plain, { form: { scale: 2, mean: [60], std: [8] } });
  const { mean, std } = given.manifest.input;
  assert(!given.guessedForm && Math.abs((128 / 255 - mean[0]!) / std[0]! - 0.5) < 1e-9);
});

Deno.test("keras: an exported model that is imported again has the same confidences, including the temperature", async () => {
  const file = await Deno.makeTempFile({ suffix: ".h5" });
  try {
    const model = await wideModel();
    await Deno.writeFile(file, await exportKeras(model));
    const again = await importNetwork(new URL(`file://${file}`), {
      name: "again",
      labels: model.manifest.labels,
    });
    const difference = largestDifference(await probabilities(again), await probabilities(model));
    assert(difference < 1e-6, `off by ${difference}`);
    assertEquals(again.guessedForm, false);
  } finally {
    await Deno.remove(file);
  }
});

/** A sequential model without a file. */
function source(
  layers: readonly [className: string, config: object, ...weights: Tensor[]][],
  shape = [4, 4, 1],
): KerasSource {
  const named = layers.map(([class_name, config], i) => ({
    class_name,
    config: { name: `layer_${i}`, ...config },
  }));
  const input = { class_name: "InputLayer", config: { name: "in", batch_input_shape: [null, ...shape] } };
  return {
    where: "x.h5",
    format: "test",
    architecture: { class_name: "Sequential", config: { name: "x", layers: [input, ...named] } },
    weights: (path) => layers[Number(path[0]!.split("_")[1])]!.slice(2) as Tensor[],
    [Symbol.dispose]() {},
  };
}

function filled(value: number, ...shape: number[]): Tensor {
  return { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value) };
}

const FLATTEN: [string, object] = ["Flatten", {}];
const DENSE = { units: 2, use_bias: false };

const REFUSED: readonly (readonly [
  title: string,
  layers: [string, object, ...Tensor[]][],
  message: string,
  shape?: number[],
])[] = [
  [
    "an unknown layer",
    [["LSTM", {}]],
    'LSTM "layer_0" is not supported; supported are InputLayer, Dropout',
  ],
  ["a name of an object property", [["constructor", {}]], 'constructor "layer_0" is not supported'],
  ["channels first", [[
    "Conv2D",
    { filters: 1, kernel_size: [1, 1], data_format: "channels_first" },
    filled(1, 1, 1, 1, 1),
    filled(0, 1),
  ]], 'data_format must be "channels_last"'],
  ["groups", [["Conv2D", { filters: 1, kernel_size: 1, groups: 2 }]], "groups must be 1; it is 2"],
  [
    "an unknown activation",
    [["Activation", { activation: "mish" }]],
    "activation must be one of linear, relu, relu6",
  ],
  ["an odd ReLU", [["ReLU", { max_value: 3 }]], "max_value must be 6 or null; it is 3"],
  [
    "a BatchNormalization over rows",
    [["BatchNormalization", { axis: 1 }]],
    "axis must be the last one (channels); it is [1]",
  ],
  [
    "a Reshape to an image",
    [["Reshape", { target_shape: [2, 8, 1] }]],
    "target_shape must flatten its input of 4×4×1",
  ],
  ["missing weights", [FLATTEN, ["Dense", DENSE]], 'Dense "layer_1" has 0 tensors; expected kernel'],
  [
    "weights of another shape",
    [FLATTEN, ["Dense", DENSE, filled(1, 15, 2)]],
    "has weights of 15×2; expected 16×2",
  ],
  [
    "weights that are not numbers",
    [FLATTEN, ["Dense", DENSE, filled(NaN, 16, 2)]],
    "has weights that are not finite numbers",
  ],
  [
    "a window that does not fit",
    [["MaxPooling2D", { pool_size: 5 }]],
    "has a window of 5×5, which is larger than its input of 4×4",
  ],
  [
    "a PReLU with an alpha per column",
    [["PReLU", { shared_axes: [1, 3] }, filled(0.5, 1, 3, 1)], FLATTEN, ["Dense", DENSE, filled(1, 36, 2)]],
    "has an alpha per position; expected one per channel",
    [4, 3, 3],
  ],
  [
    "an average of softmaxes",
    [[
      "Conv2D",
      { filters: 2, kernel_size: 1, use_bias: false, activation: "softmax" },
      filled(1, 1, 1, 1, 2),
    ], [
      "GlobalAveragePooling2D",
      {},
    ]],
    "pools the softmax of each position; expected a vector of logits",
  ],
  ["an image as output", [["Softmax", { axis: -1 }]], "has an output of 4×4×1 with softmax"],
  [
    "a relu at the end",
    [FLATTEN, ["Dense", { ...DENSE, activation: "relu" }, filled(1, 16, 2)]],
    "has an output of 2 with relu",
  ],
  ["a model without layers", [["Dropout", {}]], "has an output of 4×4×1; expected a vector"],
];

for (const [title, layers, message, shape] of REFUSED) {
  Deno.test(`keras: ${title} is refused with its name`, () => {
    const error = assertThrows(() => convert(source(layers, shape)), ModelError, message);
    assertEquals(error.code, "invalid");
    assertStringIncludes(error.message, "x.h5");
  });
}

Deno.test("keras: only images with 1 or 3 channels and a known size are accepted", () => {
  const dense: [string, object, Tensor] = ["Dense", DENSE, filled(1, 12, 2)];
  const refuse = (shape: (number | null)[], message: string, form = {}) =>
    assertThrows(() => convert(source([FLATTEN, dense], shape as number[]), form), ModelError, message);
  refuse([785], "has an input of 785 numbers; expected images, or the pixels of square ones");
  refuse([2, 3, 2], "has an input of 2×3×2; expected images");
  refuse([null, null, 3], "accepts images of any size");
  refuse([2, 2, 3], "needs images of 2×2; it does not accept 3×2", { size: [3, 2] });
  refuse([2, 2, 3], "There are 2 numbers for 3 channels", { mean: [1, 2] });
  assertEquals(convert(source([FLATTEN, dense], [null, null, 3] as never), { size: [2, 2] }).input.height, 2);
});

Deno.test("keras: of images without channels, what computes along the columns is refused before a Flatten or Reshape", () => {
  const dense = (inputs: number): [string, object, Tensor] => ["Dense", DENSE, filled(1, inputs, 2)];
  const along = 'x.h5: Softmax "layer_1" computes along the columns';
  assertThrows(() => convert(source([["Dropout", {}], ["Softmax", {}]], [4, 4])), ModelError, along);
  assertThrows(
    () => convert(source([["Activation", { activation: "softmax" }], FLATTEN, dense(16)], [4, 4])),
    ModelError,
    'Activation "layer_0" computes along the columns',
  );
  for (const shape of [[4, 4], [4, 4, 1]]) convert(source([FLATTEN, dense(16), ["Softmax", {}]], shape));
});

Deno.test("keras: a normalisation that inverts images stays a layer", () => {
  const dense: [string, object, Tensor] = ["Dense", DENSE, filled(1, 16, 2)];
  const negative = convert(source([["Rescaling", { scale: -1 / 255, offset: 1 }], FLATTEN, dense]));
  assertEquals(negative.layers.map(({ type }) => type), ["affine", "flatten", "dense"]);
});

Deno.test("keras: several inputs, several uses and cycles are refused", () => {
  const input = {
    class_name: "InputLayer",
    name: "in",
    config: { name: "in", batch_input_shape: [null, 4, 4, 1] },
    inbound_nodes: [],
  };
  const layer = (name: string, inbound_nodes: unknown[]) => ({
    class_name: "Dropout",
    name,
    config: { name },
    inbound_nodes,
  });
  const refuse = (layers: unknown[], inputs: string[], message: string) => {
    const config = { layers, input_layers: inputs.map((name) => [name, 0, 0]), output_layers: [["a", 0, 0]] };
    const model = { ...source([]), architecture: { class_name: "Functional", config } };
    assertThrows(() => convert(model), ModelError, message);
  };
  const takes = (...names: string[]) => [names.map((name) => [name, 0, 0, {}])];
  refuse([input, layer("a", takes("in"))], ["in", "in"], "has 2 inputs; expected one");
  refuse([input, layer("a", [...takes("in"), ...takes("in")])], ["in"], 'must use layer "a" once');
  refuse([input, layer("a", takes("b")), layer("b", takes("a"))], ["in"], 'layer "a" uses its own output');
  refuse([input, layer("a", takes("c"))], ["in"], 'a layer has the input "c", which does not exist');
});

Deno.test("keras: a batch normalisation is not folded into a layer with other users", () => {
  const layer = (class_name: string, name: string, config: object, ...takes: string[]) => ({
    class_name,
    name,
    config: { name, ...config },
    inbound_nodes: takes.length > 0 ? [takes.map((other) => [other, 0, 0, {}])] : [],
  });
  const layers = [
    layer("InputLayer", "in", { batch_input_shape: [null, 2, 2, 1] }),
    layer("Conv2D", "conv", { filters: 1, kernel_size: 1, use_bias: false }, "in"),
    layer("BatchNormalization", "norm", { scale: false, center: false }, "conv"),
    layer("Add", "sum", {}, "conv", "norm"),
    layer("Flatten", "flat", {}, "sum"),
    layer("Dense", "out", DENSE, "flat"),
  ];
  const weights: Record<string, Tensor[]> = {
    conv: [filled(1, 1, 1, 1, 1)],
    norm: [filled(1, 1), filled(4, 1)],
    out: [filled(1, 4, 2)],
  };
  const config = { layers, input_layers: [["in", 0, 0]], output_layers: [["out", 0, 0]] };
  const converted = convert({
    ...source([]),
    architecture: { class_name: "Functional", config },
    weights: ([name]) => weights[name!]!,
  });
  assertEquals(converted.layers.map(({ type }) => type), ["conv2d", "affine", "add", "flatten", "dense"]);
  assertEquals(converted.layers[2]!.from, [0, 1]);
});

/** Imports a file with that content. */
async function refuseFile(name: string, content: Uint8Array, message: string): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${dir}/${name}`, content);
    const error = await assertRejects(
      () => importNetwork(new URL(`file://${dir}/${name}`)),
      ModelError,
      message,
    );
    assertEquals(error.code, "invalid");
    assertStringIncludes(error.message, `${dir}/${name}`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("keras: a file that is not a complete model is refused with the reason", async () => {
  const h5 = await Deno.readFile(new URL("keras2/flat.h5", KERAS_FIXTURES));
  const archive = await Deno.readFile(new URL("keras2/plain.keras", KERAS_FIXTURES));
  await refuseFile("a.h5", new Uint8Array(), "is not a model of Keras");
  await refuseFile("a.h5", new TextEncoder().encode("no model"), "expected HDF5 (.h5), an archive (.keras)");
  await refuseFile("cut.h5", h5.slice(0, 4_000), "is damaged");
  await refuseFile("cut.keras", archive.slice(0, 4_000), "is not a valid ZIP archive");
  const [other, place] = [archive.slice(), archive.length / 2];
  other[place]! ^= 0x10;
  await refuseFile("damaged.keras", other, "the checksum of model.weights.h5 is wrong");
  await refuseFile(
    "weights.h5",
    await writeHdf5({ attributes: { layer_names: ["a"] } }),
    "save the complete model",
  );
  await refuseFile(
    "config.h5",
    await writeHdf5({ attributes: { model_config: "{" } }),
    "model_config is not JSON",
  );
  await refuseFile(
    "custom.h5",
    await writeHdf5({ attributes: { model_config: '{"class_name":"Mine"}' } }),
    'class_name must be "Sequential"',
  );
});

Deno.test("keras: a number of labels that differs from the classes is refused", async () => {
  const url = new URL("keras3/plain.h5", KERAS_FIXTURES);
  const refuse = (labels: string[] | undefined, message: string) =>
    assertRejects(() => importNetwork(url, { labels } as never), ModelError, message);
  await refuse(undefined, "has 4 outputs, but no labels were given; expected 4 with --labels");
  await refuse(["a"], "has 4 outputs, but 1 labels were given");
  await refuse(["a", "b", "c", "a"], "labels[3] must differ");
});

Deno.test("model folder: a model is replaced only with permission, anything else never", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const model = { ...await wideModel(), card: "# new\n" };
    const place = `${dir}/${model.manifest.name}`;
    await writeModelFolder(dir, { ...model, card: "# old\n" });
    await assertRejects(
      () => writeModelFolder(dir, model),
      ModelError,
      "it already exists; choose another name, or replace it",
    );
    assertEquals(await Deno.readTextFile(`${place}/card.md`), "# old\n");
    await writeModelFolder(dir, model, { replace: true });
    assertEquals(await Deno.readTextFile(`${place}/card.md`), "# new\n");
    await Deno.remove(`${place}/manifest.json`);
    await assertRejects(
      () => writeModelFolder(dir, model, { replace: true }),
      ModelError,
      "something else has that name",
    );
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), [model.manifest.name]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
