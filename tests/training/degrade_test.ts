import { decode, encode } from "npm:jpeg-js@0.4.4";
import { imageAt } from "../../training/datasets/data_set.ts";
import type { DataSet } from "../../training/datasets/data_set.ts";
import { decodeImage } from "../../models/image/decode.ts";
import { loseAsJpeg } from "../../training/augmentation/jpeg_loss.ts";
import { Random } from "../../training/random.ts";
import { type Degradation, degradeDataSet } from "../../training/augmentation/degrade.ts";
import { prepareTask } from "../../training/fitting/task.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { HALVES, halves } from "../fixtures/halves.ts";

const FROG = decodeImage(
  await Deno.readFile(new URL("../../models/cifar-10/samples/6-frog.png", import.meta.url)),
);
const FORM = { width: 32, height: 32, channels: 3 } as const;

function lose(quality: number, halved = false): Uint8Array {
  const image = FROG.data.slice();
  loseAsJpeg(image, FORM, { quality, halved });
  return image;
}

function difference(a: Uint8Array, b: Uint8Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length);
}

/** What a real file of that quality keeps. */
function throughFile(quality: number): Uint8Array {
  const rgba = new Uint8Array(4 * 32 * 32).fill(255);
  for (let i = 0; i < 32 * 32; i++) rgba.set(FROG.data.subarray(3 * i, 3 * i + 3), 4 * i);
  const file = encode({ width: 32, height: 32, data: rgba }, quality);
  return decode(file.data, { useTArray: true, formatAsRGBA: false }).data;
}

for (const quality of [30, 50, 75, 95]) {
  Deno.test(`degrade: quality ${quality} loses what a JPEG file of that quality loses`, () => {
    const [lost, real] = [lose(quality), throughFile(quality)];
    assert(difference(lost, real) < 1.25, `${difference(lost, real)}`);
    assert(difference(FROG.data, real) > 2 * difference(lost, real));
  });
}

Deno.test("degrade: a lower quality and halved colours lose more", () => {
  const losses = [lose(95), lose(75), lose(75, true), lose(30, true)].map((degraded) =>
    difference(degraded, FROG.data)
  );
  assertEquals(losses, losses.toSorted((a, b) => a - b));
});

Deno.test("degrade: a grey image keeps its size and its even areas when its sides are not multiples of 8", () => {
  const image = new Uint8Array(28 * 13).fill(77);
  loseAsJpeg(image, { width: 28, height: 13, channels: 1 }, { quality: 95, halved: true });
  assertEquals(new Set(image), new Set([77]));
});

const FROGS: DataSet = {
  ...FORM,
  title: "frogs",
  count: 200,
  pixels: Uint8Array.from({ length: 200 * FROG.data.length }, (_, i) => FROG.data[i % FROG.data.length]!),
  labels: new Uint8Array(200),
  classes: ["frog"],
};

function degrade(degradation: Degradation): Uint8Array[] {
  const degraded = degradeDataSet(FROGS, degradation, new Random(1, 0));
  return Array.from({ length: degraded.count }, (_, i) => imageAt(degraded, i));
}

function share(images: readonly Uint8Array[], is: (image: Uint8Array) => boolean): number {
  return images.filter(is).length / images.length;
}

Deno.test("degrade: the given share of images is degraded, each differently", () => {
  const images = degrade({ jpeg: 0.5, quality: 40, grey: 0 });
  const degraded = share(images, (image) => difference(image, FROG.data) > 0);
  assert(degraded > 0.4 && degraded < 0.6, `${degraded}`);
  assert(new Set(images.map((image) => image.join())).size > 50);
});

Deno.test("degrade: grey images have no colour, the others are unchanged", () => {
  const images = degrade({ jpeg: 0, quality: 40, grey: 0.25 });
  const isGrey = (image: Uint8Array) => image.every((value, i) => value === image[i - i % 3]);
  const grey = share(images, isGrey);
  assert(grey > 0.17 && grey < 0.33, `${grey}`);
  assertEquals(share(images, (image) => isGrey(image) || difference(image, FROG.data) === 0), 1);
});

Deno.test("degradation: the validation images are the same for all seeds, which are compared on them", () => {
  const degrade = { jpeg: 0.5, quality: 50, grey: 0 };
  const recipe = { ...HALVES, validationImages: 50, augmentation: { ...HALVES.augmentation, degrade } };
  const [one, two] = [1, 2].map((seed) => prepareTask({ ...recipe, seed }, halves(434)).validation.pixels);
  assertEquals(one, two);
});
