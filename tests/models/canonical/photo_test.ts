import { photo } from "../../../models/image/canonical/photo.ts";
import { decodeImage, loadDecoders } from "../../../models/image/decode.ts";
import type { Pixels } from "../../../models/image/format.ts";
import { upright } from "../../../models/image/orientation.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";
import { encodeJpeg, withOrientation } from "../../../testing/encoders/jpeg.ts";
import { imagesOf } from "../../../testing/images.ts";
import { plain, resize, WHITE } from "../../../testing/scenes.ts";

const PHOTOS = imagesOf("cifar-10").map(({ png }) => decodeImage(png));

/** Mean difference of samples, 0 to 255. */
function difference(a: Pixels, b: Pixels): number {
  assertEquals([a.width, a.height, a.channels], [b.width, b.height, b.channels]);
  return a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;
}

/** Mean difference of the reds of neighbours in a row. */
function contrast({ data }: Pixels): number {
  let sum = 0;
  for (let i = 3; i < data.length; i += 3) sum += Math.abs(data[i]! - data[i - 3]!);
  return 3 * sum / data.length;
}

Deno.test("photo: an image of CIFAR-10 passes bit for bit", () => {
  for (const image of PHOTOS) assert(photo(image) === image);
});

Deno.test("photo: an enlarged image becomes about what it was", () => {
  for (const [i, image] of PHOTOS.entries()) {
    for (const side of [64, 256]) {
      const mean = difference(photo(resize(image, side)), image);
      assert(mean < 6, `class ${i} at ${side}×${side}: ${mean.toFixed(1)} levels`);
    }
  }
});

Deno.test("photo: what has finer detail than the form is a photograph, and is not sharpened", () => {
  const image = resize(PHOTOS[3]!, 256);
  const detailed = { ...image, data: image.data.map((value, i) => value + (i / 3 % 256 % 2 === 0 ? 8 : -8)) };
  const [sharp, plain] = [photo(image), photo(detailed)].map(contrast);
  assert(sharp! > 1.1 * plain!, `${sharp} and ${plain}`);
});

Deno.test("photo: the whole image is squeezed, whatever its shape", () => {
  // Left half red, right half blue, three times as wide as high.
  const wide = plain(300, 100, [255, 0, 0]);
  for (let i = 0; i < wide.data.length; i += 3) if (i / 3 % 300 >= 150) wide.data.set([0, 0, 255], i);
  const { width, height, data } = photo(wide);
  assertEquals([width, height], [32, 32]);
  for (const y of [0, 16, 31]) {
    assertEquals([...data.subarray(3 * 32 * y, 3 * 32 * y + 3)], [255, 0, 0]);
    assertEquals([...data.subarray(3 * (32 * y + 31), 3 * (32 * y + 32))], [0, 0, 255]);
  }
});

Deno.test("photo: a photograph that lies on its side is read upright", async () => {
  const inverse = { 3: 3, 6: 8, 8: 6 } as const;
  for (const orientation of [3, 6, 8] as const) {
    const stored = encodeJpeg(upright(resize(PHOTOS[3]!, 256), inverse[orientation]), 95);
    const file = withOrientation(stored, orientation);
    await loadDecoders([file]);
    assert(difference(photo(decodeImage(file)), PHOTOS[3]!) < 8, `orientation ${orientation}`);
  }
});

Deno.test("photo: what is transparent lies on black", () => {
  const half = { ...plain(64, 64, WHITE), channels: 4 as const, data: new Uint8Array(4 * 64 * 64).fill(200) };
  for (const [alpha, shown] of [[255, 200], [127, 100], [0, 0]] as const) {
    const data = half.data.map((value, i) => i % 4 === 3 ? alpha : value);
    assert(photo({ ...half, data }).data.every((value) => Math.abs(value - shown) <= 1), `alpha ${alpha}`);
  }
});

Deno.test("photo: any size gives 32×32, and one that is smaller on a side stays for plain resizing", () => {
  for (const [width, height] of [[33, 33], [33, 4000], [4000, 33]] as const) {
    const { data, ...form } = photo(plain(width, height, [10, 200, 90]));
    assertEquals(form, { width: 32, height: 32, channels: 3 });
    assertEquals([...data.subarray(0, 3)], [10, 200, 90]);
  }
  for (const [width, height] of [[1, 1], [1, 3000], [3000, 1]] as const) {
    const image = plain(width, height, [10, 200, 90]);
    assert(photo(image) === image);
  }
});
