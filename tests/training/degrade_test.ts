import { decode, encode } from "npm:jpeg-js@0.4.4";
import { imageAt } from "../../training/datasets/data_set.ts";
import type { DataSet } from "../../training/datasets/data_set.ts";
import { decodeImage } from "../../models/image/decode.ts";
import { loseAsJpeg } from "../../training/augmentation/jpeg_loss.ts";
import { Random } from "../../training/random.ts";
import { type Wear, wearDataSet } from "../../training/augmentation/degrade.ts";
import { assert, assertEquals } from "../../testing/assert.ts";

const FROG = decodeImage(
  await Deno.readFile(new URL("../../models/cifar-10/samples/6-frog.png", import.meta.url)),
);
const FORM = { width: 32, height: 32, channels: 3 } as const;

function lose(quality: number, halved = false): Uint8Array {
  const picture = FROG.data.slice();
  loseAsJpeg(picture, FORM, { quality, halved });
  return picture;
}

function difference(a: Uint8Array, b: Uint8Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length);
}

/** Through a real file. */
function throughFile(quality: number): Uint8Array {
  const rgba = new Uint8Array(4 * 32 * 32).fill(255);
  for (let i = 0; i < 32 * 32; i++) rgba.set(FROG.data.subarray(3 * i, 3 * i + 3), 4 * i);
  const file = encode({ width: 32, height: 32, data: rgba }, quality);
  return decode(file.data, { useTArray: true, formatAsRGBA: false }).data;
}

for (const quality of [30, 50, 75, 95]) {
  Deno.test(`wear: quality ${quality} loses what a JPEG file of that quality loses`, () => {
    const [lost, real] = [lose(quality), throughFile(quality)];
    assert(difference(lost, real) < 1.25, `${difference(lost, real)}`);
    assert(difference(FROG.data, real) > 2 * difference(lost, real));
  });
}

Deno.test("wear: a lower quality and halved colours lose more", () => {
  const losses = [lose(95), lose(75), lose(75, true), lose(30, true)].map((worn) =>
    difference(worn, FROG.data)
  );
  assertEquals(losses, losses.toSorted((a, b) => a - b));
});

Deno.test("wear: a grey picture whose sides are no multiple of 8 keeps its form and its even areas", () => {
  const picture = new Uint8Array(28 * 13).fill(77);
  loseAsJpeg(picture, { width: 28, height: 13, channels: 1 }, { quality: 95, halved: true });
  assertEquals(new Set(picture), new Set([77]));
});

const FROGS: DataSet = {
  ...FORM,
  title: "frogs",
  count: 200,
  pixels: Uint8Array.from({ length: 200 * FROG.data.length }, (_, i) => FROG.data[i % FROG.data.length]!),
  labels: new Uint8Array(200),
  classes: ["frog"],
};

function wear(wear: Wear): Uint8Array[] {
  const worn = wearDataSet(FROGS, wear, new Random(1, 0));
  return Array.from({ length: worn.count }, (_, i) => imageAt(worn, i));
}

function share(pictures: readonly Uint8Array[], is: (picture: Uint8Array) => boolean): number {
  return pictures.filter(is).length / pictures.length;
}

Deno.test("wear: the named share of pictures is worn, and each in its own way", () => {
  const pictures = wear({ jpeg: 0.5, quality: 40, grey: 0 });
  const worn = share(pictures, (picture) => difference(picture, FROG.data) > 0);
  assert(worn > 0.4 && worn < 0.6, `${worn}`);
  assert(new Set(pictures.map((picture) => picture.join())).size > 50);
});

Deno.test("wear: grey pictures have no colour and less detail, the others stay as they are", () => {
  const pictures = wear({ jpeg: 0, quality: 40, grey: 0.25 });
  const isGrey = (picture: Uint8Array) => picture.every((value, i) => value === picture[i - i % 3]);
  const grey = share(pictures, isGrey);
  assert(grey > 0.17 && grey < 0.33, `${grey}`);
  assertEquals(share(pictures, (picture) => isGrey(picture) || difference(picture, FROG.data) === 0), 1);
});
