import { garment } from "../../../models/image/canonical/garment.ts";
import { decodeImage, loadDecoders } from "../../../models/image/decode.ts";
import type { Pixels } from "../../../models/image/format.ts";
import { upright } from "../../../models/image/orientation.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";
import { encodeJpeg, withOrientation } from "../../../testing/encoders/jpeg.ts";
import { encodeWebp } from "../../../testing/encoders/webp.ts";
import { imagesOf } from "../../../testing/images.ts";
import { BLACK, type Colour, invert, paste, plain, resize, tint, WHITE } from "../../../testing/scenes.ts";
import { assertAlike } from "./alike.ts";

/** The first test image of each class: light on black, 28×28. */
const GARMENTS = imagesOf("fashion-mnist").map(({ png }) => decodeImage(png));
const PHOTOGRAPHS = new URL("../../fixtures/clothing/", import.meta.url);
const RED: Colour = [200, 60, 40];

/** In each scene every garment must give about what Fashion-MNIST has. */
function inScene(name: string, scene: (image: Pixels) => Pixels) {
  Deno.test(`garment: Fashion-MNIST's form comes out of ${name}`, () => {
    GARMENTS.forEach((image, i) => assertAlike(garment(scene(image)), image, 0.9, `${name}, class ${i}`));
  });
}

Deno.test("garment: an image of Fashion-MNIST passes bit for bit, in whatever number of channels", () => {
  for (const image of GARMENTS) {
    assert(garment(image) === image);
    const rgb = paste(image, 28, 0, 0, BLACK);
    assert(garment(rgb) === rgb);
  }
});

Deno.test("garment: a lossy copy of an image of Fashion-MNIST passes as it is, whatever its rounding", async () => {
  for (const image of GARMENTS) {
    const file = encodeWebp(image, { quality: 80 });
    await loadDecoders([file]);
    const decoded = decodeImage(file);
    assert(garment(decoded) === decoded);
  }
});

inScene("a garment that is enlarged tenfold", (image) => resize(image, 280));
inScene("its negative: dark on white, as shops show it", (image) => resize(invert(image), 280));
inScene("a small negative", (image) => invert(image));
inScene(
  "a light garment on a colour, off centre",
  (image) => paste(resize(tint(image, RED, WHITE), 140), 300, 130, 20, RED),
);
inScene(
  "a dark garment on a colour, off centre",
  (image) => paste(resize(tint(image, RED, BLACK), 140), 300, 10, 150, RED),
);
inScene("a transparent ground", (image) => cutOut(resize(invert(image), 140)));

Deno.test("garment: the negative of an image of Fashion-MNIST gives the image to a level or two", () => {
  for (const image of GARMENTS) {
    const { data } = garment(invert(image));
    assert(data.every((value, i) => Math.abs(value - image.data[i]!) <= 2));
  }
});

Deno.test("garment: an enlarged image of Fashion-MNIST is reduced as a whole, not cut out", () => {
  GARMENTS.forEach((image, i) => assertAlike(garment(resize(image, 280)), image, 0.99, `class ${i}`));
});

/** Without its white ground. */
function cutOut({ width, height, data }: Pixels): Pixels {
  const rgba = new Uint8Array(4 * data.length);
  data.forEach((value, i) => rgba.set([value, value, value, value < 250 ? 255 : 0], 4 * i));
  return { width, height, channels: 4, data: rgba };
}

Deno.test("garment: a photograph that lies on its side is read upright", async () => {
  const inverse = { 3: 3, 6: 8, 8: 6 } as const;
  for (const orientation of [3, 6, 8] as const) {
    const stored = encodeJpeg(upright(resize(invert(GARMENTS[1]!), 140), inverse[orientation]), 90);
    const file = withOrientation(stored, orientation);
    await loadDecoders([file]);
    assertAlike(garment(decodeImage(file)), GARMENTS[1]!, 0.9, `orientation ${orientation}`);
  }
});

Deno.test("garment: it is cut out of a photograph, whatever it lies on, and fills the form", async () => {
  for (const { name } of Deno.readDirSync(PHOTOGRAPHS)) {
    if (!name.endsWith(".jpg")) continue;
    const bytes = Deno.readFileSync(new URL(name, PHOTOGRAPHS));
    await loadDecoders([bytes]);
    const { width, height, channels, data } = garment(decodeImage(bytes));
    assertEquals([width, height, channels], [28, 28, 1]);
    for (const corner of [0, 27, 28 * 27, 28 * 28 - 1]) assertEquals(data[corner], 0, name);
    const rows = Array.from({ length: 28 }, (_, y) => data.subarray(28 * y, 28 * (y + 1)));
    const filled = data.filter((value) => value > 0).length / data.length;
    assert(filled > 0.25 && filled < 0.85, `${name}: ${filled} of the form is filled`);
    const columns = Array.from({ length: 28 }, (_, x) => data.filter((_, i) => i % 28 === x));
    const isFull = (lines: readonly Uint8Array[]) =>
      [lines[0]!, lines[27]!].every((line) => line.some((v) => v > 0));
    assert(isFull(rows) || isFull(columns), `${name}: the longer side does not fill the form`);
  }
});

Deno.test("garment: an image of any size and with nothing on it gives a form", () => {
  for (const [width, height] of [[1, 1], [27, 29], [1, 3000], [3000, 1], [640, 480]] as const) {
    for (const colour of [WHITE, BLACK, RED]) {
      const { data, ...form } = garment(plain(width, height, colour));
      assertEquals(form, { width: 28, height: 28, channels: 1 });
      assertEquals(data.length, 784);
    }
  }
});
