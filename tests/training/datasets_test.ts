import { FormWriter } from "../../training/datasets/form.ts";
import { gzipSync } from "node:zlib";
import { concatBytes } from "../../lib/bytes.ts";
import { type DataSet, imageAt, selectDataSet, sliceDataSet } from "../../training/datasets/data_set.ts";
import { findDataDirectory } from "../../training/datasets/directory.ts";
import { toLegacyForm } from "../../training/datasets/form.ts";
import { readDataSet } from "../../training/datasets/read_data_set.ts";
import { ModelError } from "../../models/errors.ts";
import { toCanonical } from "../../models/image/canonical.ts";
import { decodeImage, loadDecoders } from "../../models/image/decode.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../testing/assert.ts";
import { findTestData, skipped } from "../../testing/data.ts";

const CLOTHES = new URL("../fixtures/clothes/", import.meta.url);
const directory = await findTestData();

/** A data directory with a Fashion-MNIST test set, whose files can be replaced. */
async function withData(
  files: { images?: Uint8Array; labels?: Uint8Array },
  run: (dir: string) => Promise<void>,
) {
  const directory = await Deno.makeTempDir();
  const idx = (magic: number, extents: number[], content: Uint8Array) => {
    const header = new DataView(new ArrayBuffer(4 * (1 + extents.length)));
    [magic, ...extents].forEach((value, i) => header.setUint32(4 * i, value));
    return gzipSync(concatBytes([new Uint8Array(header.buffer), content]), { level: 1 });
  };
  try {
    const folder = `${directory}/fashion-mnist`;
    await Deno.mkdir(folder);
    const images = files.images ?? idx(0x803, [10_000, 28, 28], new Uint8Array(7_840_000));
    const labels = idx(0x801, [10_000], files.labels ?? new Uint8Array(10_000));
    await Deno.writeFile(`${folder}/t10k-images-idx3-ubyte.gz`, images);
    await Deno.writeFile(`${folder}/t10k-labels-idx1-ubyte.gz`, labels);
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const DAMAGED:
  readonly (readonly [what: string, files: { images?: Uint8Array; labels?: Uint8Array }, text: string])[] = [
    [
      "a file that is not gzip",
      { images: new TextEncoder().encode("<html>") },
      "must be the official .gz file",
    ],
    [
      "a file that is not IDX",
      { images: gzipSync(new Uint8Array(100)) },
      "has the IDX header 0x00000000 0×0×0; it must be 0x00000803 10000×28×28",
    ],
    [
      "a truncated file",
      { images: gzipSync(Uint8Array.of(0, 0, 8, 3, 0, 0, 39, 16, 0, 0, 0, 28, 0, 0, 0, 28, 1)) },
      "has 1 bytes of content",
    ],
    [
      "a label that is out of range",
      { labels: new Uint8Array(10_000).with(7, 10) },
      "label 7 is 10; it must be from 0 to 9",
    ],
  ];

for (const [what, files, text] of DAMAGED) {
  Deno.test(`data: ${what} is reported as damaged`, () =>
    withData(files, async (directory) => {
      const error = await assertRejects(() => readDataSet("fashion-mnist", "test", directory), ModelError);
      assertEquals(error.code, "damaged");
      assertStringIncludes(error.message, text);
    }));
}

Deno.test("data: intact files are read, missing ones are reported", () =>
  withData({}, async (directory) => {
    const { title, count, pixels } = await readDataSet("fashion-mnist", "test", directory);
    assertEquals([title, count, pixels.length], ["Fashion-MNIST test", 10_000, 7_840_000]);
    const error = await assertRejects(() => readDataSet("fashion-mnist", "train", directory), ModelError);
    assertStringIncludes(error.message, "train-images-idx3-ubyte.gz: there is no such file");
  }));

Deno.test("data: a directory that does not exist is reported, with how to choose another", async () => {
  const error = await assertRejects(() => findDataDirectory("/nowhere"), ModelError);
  assertEquals(error.code, "not_found");
  assertStringIncludes(error.message, "There is no data directory /nowhere/;");
  assertStringIncludes(error.message, "IMAGEBUS_DATA");
});

async function withFolder(run: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A record of CIFAR-10's binary version: a label, then all reds, all greens, all blues. */
function cifarBatch(label: number): Uint8Array {
  const bytes = new Uint8Array(30_730_000);
  for (let i = 0; i < 10_000; i++) {
    bytes[i * 3073] = label;
    bytes.set([i % 256, 1], i * 3073 + 1);
    bytes.set([i % 251, 2], i * 3073 + 1025);
    bytes.set([i % 241, 3], i * 3073 + 2049);
  }
  return bytes;
}

Deno.test("cifar-10: planes are converted to pixels, and batches are read in order", () =>
  withFolder(async (directory) => {
    await Deno.mkdir(`${directory}/cifar-10-batches-bin`);
    for (let i = 1; i <= 5; i++) {
      await Deno.writeFile(`${directory}/cifar-10-batches-bin/data_batch_${i}.bin`, cifarBatch(i));
    }
    const data = await readDataSet("cifar-10", "train", directory);
    assertEquals([data.title, data.count, data.width, data.height, data.channels], [
      "CIFAR-10 train",
      50_000,
      32,
      32,
      3,
    ]);
    assertEquals([...imageAt(data, 10_250).subarray(0, 6)], [250, 250, 9, 1, 2, 3]);
    assertEquals([0, 9_999, 10_000, 49_999].map((i) => data.labels[i]), [1, 1, 2, 5]);
    assertEquals([data.classes.length, data.classes[3]], [10, "cat"]);
  }));

Deno.test("cifar-10: a truncated batch and a label that is out of range are reported as damaged", () =>
  withFolder(async (directory) => {
    const file = `${directory}/cifar-10-batches-bin/test_batch.bin`;
    await Deno.mkdir(`${directory}/cifar-10-batches-bin`);
    const fault = () => assertRejects(() => readDataSet("cifar-10", "test", directory), ModelError);
    assertStringIncludes(
      (await fault()).message,
      "test_batch.bin: there is no such file or directory; get it with: deno task data get cifar-10",
    );
    await Deno.writeFile(file, cifarBatch(1).subarray(0, -1));
    assertStringIncludes((await fault()).message, "has 30729999 bytes; it must have 30730000");
    await Deno.writeFile(file, cifarBatch(10));
    assertStringIncludes((await fault()).message, "label 0 is 10; it must be from 0 to 9");
  }));

Deno.test({
  name: `data: the real CIFAR-10 and MNIST are read${skipped(directory)}`,
  ignore: directory === undefined,
  async fn() {
    const cifar = await readDataSet("cifar-10", "test", directory);
    // As published: a cat, two ships, an airplane, a frog.
    assertEquals([...cifar.labels.subarray(0, 5)].map((label) => cifar.classes[label]), [
      "cat",
      "ship",
      "ship",
      "airplane",
      "frog",
    ]);
    const counts = new Array<number>(10).fill(0);
    for (const label of cifar.labels) counts[label]!++;
    assertEquals(counts, new Array(10).fill(1000));
    assertEquals((await readDataSet("mnist", "train", directory)).count, 60_000);
  },
});

function colours(count: number): DataSet {
  const pixels = Uint8Array.from({ length: count * 32 * 32 * 3 }, (_, i) => (i * 89 + (i >> 7)) % 256);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
  return {
    title: "colours",
    width: 32,
    height: 32,
    channels: 3,
    count,
    pixels,
    labels,
    classes: ["a", "b", "c"],
  };
}

Deno.test("data: the legacy form agrees with the conversion of the classifier", () => {
  const data = colours(2);
  const legacy = toLegacyForm(data);
  assertEquals([legacy.width, legacy.height, legacy.channels, legacy.pixels.length], [28, 28, 1, 2 * 784]);
  const spec = { width: 28, height: 28, channels: 1, mean: [0], std: [1] } as const;
  const converted = new Float32Array(784);
  toCanonical(
    decodeImage(encodePng({ width: 32, height: 32, channels: 3, data: imageAt(data, 1) })),
    spec,
    converted,
  );
  assertEquals([...imageAt(legacy, 1)], [...converted].map((value) => Math.round(value * 255)));
  assertEquals(toLegacyForm(legacy), legacy);
});

Deno.test("data: a slice is a view, a selection has the given order", () => {
  const data = colours(5);
  const slice = sliceDataSet(data, 1, 3);
  assertEquals([slice.count, slice.pixels.buffer === data.pixels.buffer, [...slice.labels]], [2, true, [
    1,
    2,
  ]]);
  const chosen = selectDataSet(data, Uint32Array.of(4, 0, 4));
  assertEquals([chosen.count, [...chosen.labels]], [3, [1, 0, 1]]);
  assertEquals(imageAt(chosen, 2), imageAt(data, 4));
  assertEquals(imageAt(chosen, 1), imageAt(data, 0));
});

Deno.test("image folder: without train/ a fifth of each class is used as test images, the same in every run", async () => {
  const path = CLOTHES.pathname;
  const [train, test] = [await readDataSet(path, "train"), await readDataSet(`folder:${path}`, "test")];
  assertEquals([train.count, test.count, train.width, train.channels], [48, 12, 28, 1]);
  assertEquals(train.classes, ["ankle-boot", "bag", "trouser"]);
  assertEquals([0, 1, 2].map((label) => test.labels.filter((other) => other === label).length), [4, 4, 4]);
  assertEquals([...test.labels], [1, 0, 0, 2, 0, 2, 1, 0, 2, 1, 1, 2]);
  const first = await Deno.readFile(new URL("bag/00035.png", CLOTHES));
  const both = [train, test].flatMap((data) =>
    Array.from({ length: data.count }, (_, i) => imageAt(data, i).join())
  );
  assertEquals(new Set(both).size, 60);
  assert(both.includes(decodeImage(first).data.join()));
});

/** Creates files: each with its path and its content, the size and channels of an image or any text. */
async function layOut(path: string, files: Record<string, readonly [number, number, 1 | 3] | string>) {
  for (const [name, content] of Object.entries(files)) {
    await Deno.mkdir(`${path}/${name.slice(0, name.lastIndexOf("/") + 1)}`, { recursive: true });
    if (name.endsWith("/")) continue;
    if (typeof content === "string") {
      await Deno.writeTextFile(`${path}/${name}`, content);
      continue;
    }
    const [width, height, channels] = content;
    const data = new Uint8Array(width * height * channels).fill(100);
    await Deno.writeFile(`${path}/${name}`, encodePng({ width, height, channels, data }));
  }
}

const GREY = [4, 4, 1] as const;

Deno.test("image folder: train/ and test/ are used as they are, val/ only without test/", () =>
  withFolder(async (path) => {
    await layOut(path, { "train/a/1.png": GREY, "train/a/2.png": GREY, "train/b/1.png": GREY });
    await layOut(path, {
      "val/a/1.png": GREY,
      "val/b/1.png": GREY,
      "train/.DS_Store": "x",
      "train/a/.x": "x",
    });
    const counts = async () => {
      return [(await readDataSet(path, "train")).count, (await readDataSet(path, "test")).count];
    };
    assertEquals(await counts(), [3, 2]);
    await layOut(path, { "test/a/1.png": GREY, "test/b/1.png": GREY, "test/b/2.png": GREY });
    assertEquals(await counts(), [3, 3]);
    await Deno.remove(`${path}/test/b`, { recursive: true });
    await layOut(path, { "test/c/1.png": GREY });
    const error = await assertRejects(counts, ModelError);
    assertStringIncludes(
      error.message,
      'test/ has no class folder "b"; training and test must have the same classes',
    );
  }));

Deno.test("image folder: one in the data directory is found by its name, and a class can be called train", () =>
  withFolder(async (path) => {
    await layOut(path, { "traffic/train/1.png": GREY, "traffic/train/2.png": GREY });
    await layOut(path, {
      "traffic/car/1.png": GREY,
      "traffic/car/2.png": GREY,
      "traffic/README.md": "about",
    });
    const { title, classes, count } = await readDataSet("traffic", "train", path);
    assertEquals([title, classes, count], ["traffic train", ["car", "train"], 2]);
    const error = await assertRejects(() => readDataSet("trafic", "train", path), ModelError);
    assertEquals(error.code, "not_found");
    assertStringIncludes(error.message, 'no data set "trafic": it is none of fashion-mnist, mnist, cifar-10');
  }));

Deno.test("image folder: mixed sizes and kinds are converted to the given form", () =>
  withFolder(async (path) => {
    await layOut(path, { "a/1.png": GREY, "a/2.png": [6, 8, 3], "b/1.png": GREY, "b/2.png": [2, 2, 3] });
    const form = { width: 3, height: 2, channels: 3 } as const;
    const data = await readDataSet(path, "train", undefined, form);
    assertEquals([data.width, data.height, data.channels, data.count], [3, 2, 3, 2]);
    assertEquals(new Set(data.pixels), new Set([100]));
    for (
      const wrong of [{ width: 0, height: 1 }, { width: 3 }, { width: 1, height: 5000 }, { channels: 2 }]
    ) {
      const error = await assertRejects(
        () => readDataSet(path, "train", undefined, wrong as never),
        ModelError,
      );
      assertEquals(error.code, "invalid");
    }
  }));

Deno.test("image folder: grey JPEGs and grey PNGs have the same form", () =>
  withFolder(async (path) => {
    const grey = await Deno.readFile(new URL("../fixtures/images/grey.jpg", import.meta.url));
    await loadDecoders([grey]);
    const { width, height } = decodeImage(grey);
    await layOut(path, {
      "a/1.png": [width, height, 1],
      "b/1.png": [width, height, 1],
      "b/2.png": [width, height, 1],
    });
    await Deno.writeFile(`${path}/a/2.jpg`, grey);
    const parts = [await readDataSet(path, "train"), await readDataSet(path, "test")];
    assertEquals(parts.map(({ channels }) => channels), [1, 1]);
  }));

Deno.test("image folder: what is neither a file nor a folder is ignored; a long name is shortened", () =>
  withFolder(async (path) => {
    const folder = `${path}/${"x".repeat(250)}`;
    await layOut(folder, { "a/1.png": GREY, "a/2.png": GREY, "b/1.png": GREY, "b/2.png": GREY });
    const socket = `${path}/s`; // The path of a socket must be short.
    using _listener = Deno.listen({ transport: "unix", path: socket });
    await Deno.rename(socket, `${folder}/a/0.png`);
    const { count, title } = await readDataSet(folder, "train");
    assertEquals([count, title], [2, `${"x".repeat(100)}… train`]);
  }));

/** A valid folder, to which files are added. */
const BASE = { "a/1.png": GREY, "a/2.png": GREY, "b/1.png": GREY, "b/2.png": GREY };

const BAD_FOLDERS: readonly (readonly [
  what: string,
  files: Record<string, readonly [number, number, 1 | 3] | string>,
  code: ModelError["code"],
  text: string | RegExp,
])[] = [
  [
    "mixed sizes",
    { ...BASE, "b/3.png": [5, 4, 1], "b/4.png": [5, 4, 1] },
    "invalid",
    /\d\.png is \d×4, but .*\d\.png is \d×4; .* --size 32x32/,
  ],
  [
    "mixed kinds",
    { ...BASE, "b/3.png": [4, 4, 3], "b/4.png": [4, 4, 3] },
    "invalid",
    /is (grey|in colour), but .* is (grey|in colour); .*--channels 1/,
  ],
  ["an empty class", { ...BASE, "c/": "" }, "invalid", /The class folder .*\/c\/ has no images/],
  [
    "only hidden files in a class",
    { ...BASE, "c/.DS_Store": "x", "c/Thumbs.db": "x" },
    "invalid",
    /\/c\/ has no images/,
  ],
  [
    "a class with one image",
    { ...BASE, "c/1.png": GREY },
    "invalid",
    /\/c\/ has 1 image; it must have at least 2/,
  ],
  [
    "a class whose name is no label",
    { ...BASE, " /1.png": GREY, " /2.png": GREY },
    "invalid",
    'the class folder " ": the name of a class must have 1 to 200 characters',
  ],
  [
    "a class with a long name",
    { ...BASE, [`${"c".repeat(201)}/1.png`]: GREY, [`${"c".repeat(201)}/2.png`]: GREY },
    "invalid",
    "the name of a class must have 1 to 200 characters",
  ],
  [
    "a single class",
    { "a/1.png": GREY, "a/2.png": GREY },
    "invalid",
    'has a single class, "a"; it must have at least 2',
  ],
  [
    "a text file among the images",
    { ...BASE, "b/notes.txt": "hello", "b/more.txt": "hi" },
    "damaged",
    /Cannot read 2 files in .* as images; .*--skip-bad:\n +b\/notes\.txt: .* of 5 bytes [^]*\n +b\/more\.txt: .* of 2 bytes|b\/more[^]*b\/notes/,
  ],
  [
    "a folder in a class folder",
    { ...BASE, "b/deep/1.png": GREY },
    "invalid",
    /b\/deep\/ is a folder in a class folder/,
  ],
  ["no class folders", { "1.png": GREY }, "invalid", "has no class folders, but files such as 1.png"],
  ["an empty folder", {}, "invalid", "has no class folders; it must have one folder per class"],
  [
    "train/ without test/",
    { "train/a/1.png": GREY, "train/b/1.png": GREY },
    "invalid",
    /has train\/ but no test\/ \(nor val\/, valid\/, validation\/\)/,
  ],
];

for (const [what, files, code, text] of BAD_FOLDERS) {
  Deno.test(`image folder: ${what} is refused`, () =>
    withFolder(async (path) => {
      await layOut(path, files);
      const read = async () => {
        await readDataSet(path, "train");
        await readDataSet(path, "test");
      };
      const error = await assertRejects(read, ModelError);
      assertEquals(error.code, code);
      assert(
        typeof text === "string" ? error.message.includes(text) : text.test(error.message),
        error.message,
      );
    }));
}

Deno.test("image folder: bad files of both parts and broken links are listed at once, and left out with skipBad", () =>
  withFolder(async (path) => {
    await layOut(path, { ...BASE, "a/3.png": GREY, "a/4.png": GREY, "a/5.png": GREY, "a/6.png": GREY });
    await layOut(path, { "a/notes.txt": "hello", "b/3.png": GREY });
    await Deno.symlink(`${path}/nowhere.png`, `${path}/b/link.png`);
    await Deno.symlink(`${path}/nowhere`, `${path}/ignored`);
    const error = await assertRejects(() => readDataSet(path, "train"), ModelError);
    assertStringIncludes(error.message, "a/notes.txt: The image of 5 bytes");
    assertStringIncludes(error.message, "b/link.png: It is a link to a file that does not exist");
    const parts = [
      await readDataSet(path, "train", undefined, { skipBad: true }),
      await readDataSet(path, "test", undefined, { skipBad: true }),
    ];
    assertEquals(parts.reduce((sum, { count }) => sum + count, 0), 9);
    assertEquals(parts.flatMap(({ leftOut = [] }) => leftOut).length, 2);
    for (const { count, labels, pixels } of parts) {
      assertEquals([labels.length, pixels.length], [count, count * 16]);
    }
  }));

Deno.test("image folder: a class of which every image is bad is refused with skipBad, too", () =>
  withFolder(async (path) => {
    await layOut(path, { "a/1.png": GREY, "a/2.png": GREY, "b/1.png": "x", "b/2.png": "x" });
    const read = () => readDataSet(path, "train", undefined, { skipBad: true });
    assertStringIncludes((await assertRejects(read, ModelError)).message, 'The class "b" in ');
  }));

Deno.test("image folder: the parts have the names that published data sets give them", async () => {
  for (
    const [train, test] of [["Train", "Test"], ["training_set", "test_set"], ["train", "valid"]] as const
  ) {
    await withFolder(async (path) => {
      const both = [`${train}/a/1.png`, `${train}/b/1.png`, `${test}/a/1.png`, `${test}/b/1.png`];
      await layOut(path, Object.fromEntries(both.map((name) => [name, GREY])));
      assertEquals((await readDataSet(path, "test")).count, 2, test);
    });
  }
});

Deno.test("image folder: more than 1,000 classes are refused; with more than 256 labels have 16 bits", () =>
  withFolder(async (path) => {
    const png = encodePng({ width: 1, height: 1, channels: 1, data: new Uint8Array(1) });
    for (let i = 0; i < 1_001; i++) {
      await Deno.mkdir(`${path}/${i}`);
      for (const name of ["1.png", "2.png"]) await Deno.writeFile(`${path}/${i}/${name}`, png);
    }
    const error = await assertRejects(() => readDataSet(path, "train"), ModelError);
    assertStringIncludes(error.message, "has 1001 class folders; at most 1000 are read");
    await Deno.remove(`${path}/1000`, { recursive: true });
    const { labels, classes } = await readDataSet(path, "test");
    assertEquals([labels instanceof Uint16Array, Math.max(...labels), classes.length], [true, 999, 1000]);
  }));

Deno.test("image folder: a folder that does not exist is reported", async () => {
  const error = await assertRejects(() => readDataSet("folder:/nowhere/at/all", "train"), ModelError);
  assertEquals(error.code, "not_found");
  assertStringIncludes(error.message, "there is no folder /nowhere/at/all/");
});

Deno.test("form: an image of the model's size goes through the procedure, as the classifier draws it", async () => {
  const path = new URL("../../models/mnist/samples/7-7.png", import.meta.url);
  const seven = decodeImage(await Deno.readFile(path));
  const onWhite = { ...seven, data: seven.data.map((value) => 255 - value) };
  const [written, seen] = [new Uint8Array(784), new Float32Array(784)];
  new FormWriter({ width: 28, height: 28, channels: 1 }, "digit").write(onWhite, written);
  toCanonical(
    onWhite,
    { width: 28, height: 28, channels: 1, mean: [0], std: [1 / 255], form: "digit" },
    seen,
  );
  assertEquals([...written], [...seen].map(Math.round));
});
