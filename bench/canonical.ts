/**
 * `deno task bench:canonical`: how much accuracy is left when the test images come in other ways than the data set stores them: enlarged, inverted, on
 * other grounds, off centre.
 *
 * @module
 */
import { DATA_OPTION } from "../cli/options.ts";
import { runTask } from "../cli/task.ts";
import { columns, percent, print } from "../cli/ui/terminal.ts";
import { count } from "../lib/options.ts";
import { type Classifier, createClassifier } from "../models/classifier.ts";
import { encodePng } from "../models/image/encode_png.ts";
import type { Pixels } from "../models/image/format.ts";
import { toCanonical } from "../models/image/canonical.ts";
import { loadModels, SHIPPED_MODELS } from "../models/registry.ts";
import { loadWasmBinary } from "../models/wasm_binary.ts";
import { type DataSet, imageAt } from "../training/datasets/data_set.ts";
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
function resize(image: Pixels, side: number): Pixels {
  const channels = image.channels === 1 ? 1 : 3;
  const plain = { mean: new Array(channels).fill(0), std: new Array(channels).fill(1 / 255) };
  const target = new Float32Array(side * side * channels);
  toCanonical(image, { width: side, height: side, channels, ...plain }, target);
  return { width: side, height: side, channels, data: Uint8Array.from(target, Math.round) };
}

/** A row per variant: its title, the share of correct labels, and the time per image. */
async function measure(name: string, count: number, directory: string | undefined): Promise<string[][]> {
  const [files] = await loadModels({ names: [name] });
  const data = await readDataSet(name, "test", directory);
  using classifier = await createClassifier(files!, await loadWasmBinary());
  return Object.entries(data.channels === 1 ? GREY : COLOUR).map(([title, variant]) => {
    const start = performance.now();
    const correct = countCorrect(classifier, data, count, variant);
    return [title, percent(correct / count), ((performance.now() - start) / count).toFixed(1)];
  });
}

function countCorrect(classifier: Classifier, data: DataSet, count: number, variant: Variant): number {
  const { width, height, channels } = data;
  let correct = 0;
  for (let i = 0; i < count; i++) {
    const at = Math.floor(i * data.count / count);
    const image = variant({ width, height, channels, data: imageAt(data, at) }, i);
    const [outcome] = classifier.classify([encodePng(image)]);
    if (outcome?.ok && outcome.top[0].index === data.labels[at]) correct++;
  }
  return correct;
}

await runTask({
  name: "bench:canonical",
  summary: "Measure the accuracy on test images that are enlarged, inverted, on other grounds or off centre",
  operands: { form: "[MODEL…]", min: 0, max: Infinity },
  options: {
    ...DATA_OPTION,
    images: { ...count(10_000), default: 500, text: "number of test images" },
  },
  examples: [["deno task bench:canonical mnist --images 1000", "one model, in more images"]],
  async run({ operands, values: { data, images } }) {
    for (const name of operands.length > 0 ? operands : SHIPPED_MODELS) {
      print(columns([[name, "accuracy", "ms per image"], ...await measure(name, images, data)]));
    }
    return 0;
  },
});
