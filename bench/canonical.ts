/**
 * How much accuracy is left when the test images come in other ways than the data set stores them: enlarged, inverted, on
 * other grounds, off centre.
 *
 *     IMAGEBUS_DATA=DIR deno run -A bench/canonical.ts [--images 500] [MODEL…]
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Classifier, createClassifier } from "../models/classifier.ts";
import { encodePng } from "../models/image/encode_png.ts";
import type { Pixels } from "../models/image/format.ts";
import { axisTaps } from "../models/image/resample.ts";
import { loadModels } from "../models/registry.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { findTestData } from "../testing/data.ts";
import type { DataSet } from "../training/datasets/data_set.ts";
import { readDataSet } from "../training/datasets/read_data_set.ts";

type Variant = (image: Pixels, i: number) => Pixels;
type Colour = readonly [red: number, green: number, blue: number];

const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [0, 0, 0];
const GROUNDS: readonly Colour[] = [[200, 60, 40], [40, 90, 200], [30, 120, 60], [240, 210, 90], [
  150,
  150,
  150,
]];

const ground = (i: number) => GROUNDS[i % GROUNDS.length]!;
const tenfold: Variant = (image) => resize(image, 10 * image.width);
const offCentre = (image: Pixels, i: number, outside: Colour) => {
  const side = 2 * image.width;
  const [x, y] = [(i * 7) % (side - image.width), (i * 13) % (side - image.height)];
  return paste(image, side, x, y, outside);
};

/** For grey images, which are light on black. */
const GREY: Record<string, Variant> = {
  "as stored": (image) => image,
  "enlarged tenfold": tenfold,
  "inverted": invert,
  "inverted, enlarged tenfold": (image) => tenfold(invert(image), 0),
  "light on a colour": (image, i) => tint(image, ground(i), WHITE),
  "dark on a colour": (image, i) => tint(image, ground(i), BLACK),
  "light on a colour, tenfold": (image, i) => tenfold(tint(image, ground(i), WHITE), i),
  "dark on a colour, tenfold": (image, i) => tenfold(tint(image, ground(i), BLACK), i),
  "off centre on black": (image, i) => offCentre(image, i, BLACK),
  "off centre on black, tenfold": (image, i) => tenfold(offCentre(image, i, BLACK), i),
  "inverted, off centre on white": (image, i) => offCentre(invert(image), i, WHITE),
  "inverted, off centre, tenfold": (image, i) => tenfold(offCentre(invert(image), i, WHITE), i),
  "a black card on white": (image, i) => tenfold(offCentre(image, i, WHITE), i),
  "a black card on a colour": (image, i) => tenfold(offCentre(image, i, ground(i)), i),
  "a white card on a colour": (image, i) => tenfold(offCentre(invert(image), i, ground(i)), i),
};

const COLOUR: Record<string, Variant> = {
  "as stored": (image) => image,
  "at 64×64": (image) => resize(image, 64),
  "at 256×256": (image) => resize(image, 256),
};

function invert(image: Pixels): Pixels {
  return { ...image, data: image.data.map((value) => 255 - value) };
}

function tint({ width, height, data }: Pixels, from: Colour, to: Colour): Pixels {
  const colours = Uint8Array.from({ length: 3 * data.length }, (_, i) => {
    const share = data[Math.floor(i / 3)]! / 255;
    return Math.round(from[i % 3]! + share * (to[i % 3]! - from[i % 3]!));
  });
  return { width, height, channels: 3, data: colours };
}

function paste(image: Pixels, side: number, left: number, top: number, outside: Colour): Pixels {
  const data = new Uint8Array(side * side * 3);
  for (let i = 0; i < data.length; i++) data[i] = outside[i % 3]!;
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      for (let c = 0; c < 3; c++) {
        const from = (y * image.width + x) * image.channels + (image.channels === 1 ? 0 : c);
        data[((top + y) * side + left + x) * 3 + c] = image.data[from]!;
      }
    }
  }
  return { width: side, height: side, channels: 3, data };
}

/** Bilinear, to a square. */
function resize({ width, height, channels, data }: Pixels, side: number): Pixels {
  const [columns, rows] = [axisTaps(width, side), axisTaps(height, side)];
  const result = new Uint8Array(side * side * channels);
  for (let i = 0; i < result.length; i++) {
    const c = i % channels;
    const x = Math.floor(i / channels) % side;
    const y = Math.floor(i / channels / side);
    let sum = 0;
    rows.weights[y]!.forEach((down, v) =>
      columns.weights[x]!.forEach((across, u) => {
        sum += down * across * data[((rows.starts[y]! + v) * width + columns.starts[x]! + u) * channels + c]!;
      })
    );
    result[i] = Math.round(sum);
  }
  return { width: side, height: side, channels, data: result };
}

async function measure(name: string, count: number, directory: URL | undefined): Promise<void> {
  const [files] = await loadModels({ names: [name] });
  const data = await readDataSet(name, "test", directory);
  using classifier = await createClassifier(files!, await loadWasmBinary());
  console.log(`${name}: ${count} test images`);
  for (const [title, variant] of Object.entries(data.channels === 1 ? GREY : COLOUR)) {
    const start = performance.now();
    const right = countRight(classifier, data, count, variant);
    const ms = (performance.now() - start) / count;
    console.log(
      `  ${title.padEnd(32)} ${(100 * right / count).toFixed(1).padStart(5)} %  ${
        ms.toFixed(1).padStart(6)
      } ms`,
    );
  }
}

function countRight(classifier: Classifier, data: DataSet, count: number, variant: Variant): number {
  const { width, height, channels } = data;
  const size = width * height * channels;
  let right = 0;
  for (let i = 0; i < count; i++) {
    const at = Math.floor(i * data.count / count);
    const image = { width, height, channels, data: data.pixels.subarray(at * size, (at + 1) * size) };
    const [outcome] = classifier.classify([encodePng(variant(image, i))]);
    if (outcome?.ok && outcome.top[0].index === data.labels[at]) right++;
  }
  return right;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { images: { type: "string", default: "500" } },
    allowPositionals: true,
  });
  const models = positionals.length > 0 ? positionals : ["mnist", "fashion-mnist", "cifar-10"];
  const directory = await findTestData();
  for (const model of models) await measure(model, Number(values.images), directory);
}
