/** Test images as people would send them: enlarged, inverted, on other grounds, off centre, badly lit. */
import { toCanonical } from "../models/image/canonical.ts";
import type { Pixels } from "../models/image/format.ts";

/** 0 to 255 each. */
export type Colour = readonly [red: number, green: number, blue: number];

export const WHITE: Colour = [255, 255, 255];
export const BLACK: Colour = [0, 0, 0];

/** The negative. */
export function invert(image: Pixels): Pixels {
  return { ...image, data: image.data.map((value) => 255 - value) };
}

/** Resizes to a square, bilinearly when growing. */
export function resize(image: Pixels, side: number): Pixels {
  const channels = image.channels === 1 ? 1 : 3;
  const plain = { mean: new Array(channels).fill(0), std: new Array(channels).fill(1 / 255) };
  const target = new Float32Array(side * side * channels);
  toCanonical(image, { width: side, height: side, channels, ...plain }, target);
  return { width: side, height: side, channels, data: Uint8Array.from(target, Math.round) };
}

/** Replaces black by one colour and white by another, in between a mixture. */
export function tint({ width, height, data }: Pixels, from: Colour, to: Colour): Pixels {
  const colours = Uint8Array.from({ length: 3 * data.length }, (_, i) => {
    const share = data[Math.floor(i / 3)]! / 255;
    return Math.round(from[i % 3]! + share * (to[i % 3]! - from[i % 3]!));
  });
  return { width, height, channels: 3, data: colours };
}

/** A square of one colour with the image on it. */
export function paste(image: Pixels, side: number, left: number, top: number, outside: Colour): Pixels {
  const data = Uint8Array.from({ length: 3 * side * side }, (_, i) => outside[i % 3]!);
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

/** Changes each pixel by its place: light that falls from one side, lines on paper. */
export function shade(image: Pixels, factor: (x: number, y: number) => number): Pixels {
  const data = image.data.map((value, i) => {
    const pixel = Math.floor(i / image.channels);
    return Math.round(value * factor(pixel % image.width, Math.floor(pixel / image.width)));
  });
  return { ...image, data };
}

/** A grey image, light on black, as the opacity of one colour. */
export function transparent({ width, height, data }: Pixels, colour: Colour): Pixels {
  const rgba = new Uint8Array(4 * width * height);
  data.forEach((value, i) => rgba.set([...colour, value], 4 * i));
  return { width, height, channels: 4, data: rgba };
}

/** An image of one colour. */
export function plain(width: number, height: number, colour: Colour): Pixels {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => colour[i % 3]!);
  return { width, height, channels: 3, data };
}
