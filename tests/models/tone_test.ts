import { decodeImage } from "../../models/image/decode.ts";
import type { Pixels } from "../../models/image/format.ts";
import { toneOf } from "../../models/image/tone.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { imagesOf } from "../../testing/images.ts";

const SIZE = { width: 28, height: 28 };
const DIGITS = imagesOf("mnist").map(({ png }) => decodeImage(png));

function changed(pixels: Pixels, change: (value: number) => number): Pixels {
  return { ...pixels, data: pixels.data.map(change) };
}

/** Each pixel becomes `factor` × `factor` equal ones. */
function enlarged({ width, height, channels, data }: Pixels, factor: number): Pixels {
  const large = new Uint8Array(data.length * factor * factor);
  for (let i = 0; i < large.length; i++) {
    const [x, y] = [i % (width * factor), Math.floor(i / (width * factor))];
    large[i] = data[Math.floor(y / factor) * width + Math.floor(x / factor)]!;
  }
  return { width: width * factor, height: height * factor, channels, data: large };
}

Deno.test("tone: an enlarged image has the tone of the original", () => {
  for (const digit of DIGITS) assertEquals(toneOf(enlarged(digit, 10), SIZE), toneOf(digit, SIZE));
});

Deno.test("tone: an inverted image has the opposite brightness and the same contrast", () => {
  for (const digit of DIGITS) {
    const [tone, inverted] = [digit, changed(digit, (value) => 255 - value)].map((one) => toneOf(one, SIZE));
    assert(Math.abs(tone!.brightness + inverted!.brightness - 1) < 1e-9);
    assert(Math.abs(tone!.contrast - inverted!.contrast) < 1e-9);
  }
});

Deno.test("tone: half of the values are half of both", () => {
  const even = changed(DIGITS[0]!, (value) => value & ~1);
  const [whole, half] = [even, changed(even, (value) => value / 2)].map((one) => toneOf(one, SIZE));
  assert(Math.abs(whole!.brightness - 2 * half!.brightness) < 1e-9);
  assert(Math.abs(whole!.contrast - 2 * half!.contrast) < 1e-9);
});

Deno.test("tone: transparent parts are black, colours have their luma, and a smaller image than the model is read", () => {
  const rgba: Pixels = {
    width: 2,
    height: 1,
    channels: 4,
    data: Uint8Array.of(255, 255, 255, 0, 255, 255, 255, 255),
  };
  const { brightness, contrast } = toneOf(rgba, { width: 32, height: 32 });
  assert(Math.abs(brightness - 0.5) < 1e-9 && Math.abs(contrast - 0.5) < 1e-9);
  const green: Pixels = { width: 1, height: 1, channels: 3, data: Uint8Array.of(0, 255, 0) };
  assert(Math.abs(toneOf(green, SIZE).brightness - 0.587) < 1e-9);
});
