import { ModelError } from "../../models/errors.ts";
import { parameterCount, shapeLayers } from "../../models/layers/layers.ts";
import { parseManifest } from "../../models/manifest.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../../testing/assert.ts";
import { tinyManifest } from "../../testing/tiny_model.ts";

type Json = Record<string, unknown>;

/** The manifest with one field changed; `path` as in messages, e.g. `layers[1].units`. */
function changed(path: string, value: unknown): Json {
  const manifest = structuredClone(tinyManifest()) as Json;
  const keys = path.split(/[.[\]]+/).filter((key) => key !== "");
  const last = keys.pop()!;
  const parent = keys.reduce((object, key) => object[key] as Json, manifest);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return manifest;
}

function messageOf(json: unknown): string {
  const error = assertThrows(() => parseManifest(json, "x/manifest.json"), ModelError);
  assertEquals(error.code, "invalid_manifest");
  return error.message;
}

Deno.test("manifest: a valid one is returned unchanged", () => {
  const manifest = { ...tinyManifest(), temperature: 1.5 };
  assertEquals(parseManifest(manifest, "x"), manifest as never);
});

const CALIBRATION = { data: "MNIST train", images: 1_000, ranges: [0, 0] };

Deno.test("manifest: int8 needs one range per layer", () => {
  const int8 = { ...tinyManifest(), precision: "int8", calibration: CALIBRATION };
  assertEquals(parseManifest(int8, "x"), int8 as never);
  const wrong = (calibration: object) =>
    messageOf({ ...int8, calibration: { ...CALIBRATION, ...calibration } });
  assertStringIncludes(wrong({ ranges: [1] }), "calibration.ranges must be a list of 2 elements");
  assertStringIncludes(
    wrong({ ranges: [1, -1] }),
    "calibration.ranges[1] must be a number from 0 to 1000000; it is -1",
  );
  assertStringIncludes(messageOf({ ...int8, calibration: undefined }), "calibration must be an object {…}");
  assertStringIncludes(wrong({ scale: 1 }), "calibration.scale is not a known field");
});

const WRONG: readonly (readonly [path: string, value: unknown, rule: string])[] = [
  ["format", 2, "must be 1"],
  ["name", "Tiny", "must be 1 to 63 of a-z"],
  ["name", "../tiny", "must be 1 to 63 of a-z"],
  ["name", undefined, "it is missing"],
  ["version", "", "must be a text of 1 to 50"],
  ["version", 1, "must be a text"],
  ["description", "x".repeat(501), "must be a text of 1 to 500"],
  ["labels", ["one"], "must be a list of 2 to 10000 elements"],
  ["labels", "dark", "must be a list"],
  ["labels", ["dark", "dark"], "must differ"],
  ["labels", ["dark", ""], "must be a text"],
  ["input.width", 0, "must be a whole number from 1 to 1024"],
  ["input.height", 1.5, "must be a whole number"],
  ["input.height", 1025, "must be a whole number from 1 to 1024"],
  ["input.channels", 2, "must be 1 or 3"],
  ["input.mean", [0, 0], "must be a list of 1 elements"],
  ["input.mean", ["0"], "must be a number"],
  ["input.std", [0], "must be a number greater than 0"],
  ["input.views", [], "must be a list of 1 to 16 elements"],
  ["input.views", [{ mirrored: 1 }], "views[0].mirrored must be true or false"],
  ["input.views", [{ shift: [0, 2] }], "must be two integers, less than the width 2 and height 2"],
  ["input.views", [{ shift: [0.5, 0] }], "views[0].shift must be two integers"],
  ["input.views", [{ turned: 90 }], "is not a known field; known are shift, mirrored, edge"],
  ["precision", "int4", 'must be "float32" or "int8"'],
  ["calibration", CALIBRATION, 'must be absent unless "precision" is "int8"'],
  ["layers", [], "must be a list of 1 to 1000 elements"],
  ["layers[1]", null, "must be an object"],
  ["layers[1].type", "lstm", 'must be "conv2d" or'],
  ["layers[1].units", 0, "must be a whole number"],
  ["layers[1].units", Number.NaN, "must be a whole number"],
  ["layers[1].activation", "tanh", 'must be "linear" or "relu"'],
  ["layers[1].activaton", "relu", "is not a known field; known are type, units, activation"],
  ["layers[0]", { type: "conv2d", filters: 2, kernel: [3] }, "kernel must be a list of 2 elements"],
  ["layers[0]", { type: "conv2d", filters: 2, kernel: [3, 0] }, "kernel[1] must be a whole number from 1"],
  ["layers[0]", { type: "averagePool2d", size: 2, padding: "full" }, 'must be "same" or "valid"'],
  ["layers[0]", { type: "activation", function: "maxout" }, 'must be "relu" or'],
  [
    "layers[0]",
    { type: "activation", function: "leakyRelu", slope: 2 },
    "slope must be a number from 0 to 1",
  ],
  ["layers[0]", { type: "zeroPad2d", top: -1 }, "top must be a whole number"],
  ["layers[0]", { type: "flatten", from: [0] }, "from[0] must be a whole number from -1 to -1"],
  ["layers[0]", { type: "flatten", from: [-1, -1] }, "from must be a list of 1 elements"],
  ["layers[0]", { type: "add" }, "from must be a list of 2 to 64 elements"],
  ["layers[1].from", [1], "from[0] must be a whole number from -1 to 0"],
  ["temperature", 0, "must be a number greater than 0"],
  ["temperature", Infinity, "must be a number"],
  ["weights.file", "../weights.bin", "a file name inside the folder"],
  ["weights.dtype", "int8", 'must be "float32" or "float16"'],
  ["weights.bytes", -40, "must be a whole number"],
  ["weights.sha256", "0", "must be 64 hexadecimal digits"],
  ["evaluation", { data: "test", images: 10, accuracy: 1.1 }, "must be a number from 0 to 1"],
  ["lables", [], "is not a known field"],
];

for (const [path, value, rule] of WRONG) {
  const shown = value === undefined ? "missing" : JSON.stringify(value).slice(0, 30);
  Deno.test(`manifest: ${path} is refused as ${shown}`, () => {
    const message = messageOf(changed(path, value));
    assertStringIncludes(message, "x/manifest.json: ");
    assertStringIncludes(message, path.replace(/\[\d\]$/, "").split(".")[0]!.replace(/\[\d\]/, ""));
    assertStringIncludes(message, rule);
  });
}

Deno.test("manifest: JSON that is not an object is refused", () => {
  for (const json of [null, 1, "{}", []]) assertStringIncludes(messageOf(json), "must be an object");
});

Deno.test("manifest: a last layer without one output per label is refused", () => {
  const message = messageOf({ ...tinyManifest(), labels: ["a", "b", "c"] });
  assertStringIncludes(message, "the last layer has 2 outputs, but there are 3 labels");
});

Deno.test("manifest: a last layer with an activation is refused", () => {
  assertStringIncludes(messageOf(changed("layers[1].activation", "relu")), 'must be "linear"');
});

Deno.test("manifest: an activation as the last layer is refused, also before a flatten", () => {
  const layers = [{ type: "activation", function: "softmax" }, { type: "flatten" }];
  const message = messageOf({ ...tinyManifest(), labels: ["a", "b", "c", "d"], layers });
  assertStringIncludes(message, "has the activation softmax");
});

Deno.test("manifest: a size of the weights that differs from the tensors is refused", () => {
  const message = messageOf(changed("weights.bytes", 44));
  assertStringIncludes(message, "must be 40 (10 numbers as float32); it is 44");
});

const MISFITS: readonly (readonly [layers: Json[], message: string])[] = [
  [[{ type: "dense", units: 2 }], "put a flatten before it"],
  [
    [{ type: "flatten" }, { type: "maxPool2d", size: 2 }],
    "needs an input of height × width × channels; its input is 4",
  ],
  [[{ type: "conv2d", filters: 4, kernel: 3 }], "has a window of 3×3, which is larger than its input of 2×2"],
  [[{ type: "maxPool2d", size: 3 }], "has a window of 3×3"],
  [[{ type: "depthwiseConv2d", kernel: 2, dilation: 2 }], "has a window of 3×3"],
  [[{ type: "conv2d", filters: 1, kernel: 1, stride: 2, dilation: 2 }], "one must be 1"],
  [
    [{ type: "flatten" }, { type: "add", from: [-1, 0] }],
    "needs inputs of the same shape; its inputs are 2×2×1 and 4",
  ],
  [[{ type: "flatten" }, { type: "concatenate", from: [-1, 0] }], "differ only in their channels"],
  [
    [{ type: "flatten" }, { type: "flatten", from: [-1] }],
    "the output of layers[0] (flatten) is not used",
  ],
];

for (const [layers, text] of MISFITS) {
  Deno.test(`manifest: layers that do not fit are refused: ${layers.map(({ type }) => type).join(", ")}`, () => {
    assertStringIncludes(messageOf({ ...tinyManifest(), layers }), text);
  });
}

Deno.test("manifest: a layer that needs too much memory is refused", () => {
  const input = { width: 1024, height: 1024, channels: 1, mean: [0], std: [1] };
  const layers = [{ type: "conv2d", filters: 64, kernel: 3, padding: "same" }];
  assertStringIncludes(messageOf({ ...tinyManifest(), input, layers }), "the maximum is 16777216");
});

Deno.test("manifest: layers that together need too much memory are refused", () => {
  const input = { width: 1024, height: 1024, channels: 1, mean: [0], std: [1] };
  const wide = { type: "conv2d", filters: 16, kernel: 1, from: [-1] };
  const layers = [...Array.from({ length: 5 }, () => wide), { type: "add", from: [0, 1, 2, 3, 4] }];
  assertStringIncludes(
    messageOf({ ...tinyManifest(), input, layers }),
    "at layers[4] 83886080 numbers must be held",
  );
});

Deno.test("manifest: the example in the documentation is valid", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/models.md", import.meta.url));
  const json = /```json\n(\{ *\n *"format"[^`]*)```/.exec(text)![1]!;
  const manifest = parseManifest(JSON.parse(json.replace("…", "0".repeat(64))), "docs/models.md");
  assertEquals(manifest.name, "cats");
});

Deno.test("manifest: every layer type and setting is returned as it is written", () => {
  const layers = [
    { type: "zeroPad2d", top: 1, bottom: 0, left: 2, right: 1 },
    {
      type: "conv2d",
      filters: 4,
      kernel: [3, 1],
      stride: [1, 2],
      dilation: 1,
      padding: "same",
      activation: "relu6",
    },
    { type: "depthwiseConv2d", multiplier: 2, kernel: 3, dilation: [1, 2], padding: "same" },
    { type: "maxPool2d", size: [2, 1], stride: 1, padding: "same" },
    { type: "averagePool2d", size: 2, stride: 1, padding: "same" },
    { type: "affine" },
    { type: "activation", function: "leakyRelu", slope: 0.1 },
    { type: "add", from: [6, 5] },
    { type: "concatenate", from: [7, 4, 4] },
    { type: "globalMaxPool2d", from: [8] },
    { type: "globalAveragePool2d", from: [8] },
    { type: "add", from: [9, 10] },
    { type: "dense", units: 2 },
  ];
  const parameters = 3 * 4 + 4 + 3 * 3 * 4 * 2 + 8 + 8 + 8 + 24 * 2 + 2;
  const weights = { ...tinyManifest().weights, bytes: 4 * parameters };
  const manifest = { ...tinyManifest(), layers, weights };
  assertEquals(parseManifest(manifest, "x"), manifest as never);
});

Deno.test("layers: shapes follow TensorFlow's rules for padding and stride", () => {
  const input = { width: 7, height: 6, channels: 3, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const shaped = shapeLayers(input, [
    { type: "conv2d", filters: 4, kernel: 3, padding: "same", stride: 2 },
    { type: "maxPool2d", size: 2, stride: 1 },
    { type: "conv2d", filters: 5, kernel: 2 },
    { type: "flatten" },
    { type: "dense", units: 9 },
  ], "x");
  assertEquals(shaped.map(({ output }) => output.join("×")), ["3×4×4", "2×3×4", "1×2×5", "10", "9"]);
  assertEquals(parameterCount(shaped), 3 * 3 * 3 * 4 + 4 + 2 * 2 * 4 * 5 + 5 + 10 * 9 + 9);
  assert(shaped.every(({ multiplyAdds }) => multiplyAdds >= 0));
});
