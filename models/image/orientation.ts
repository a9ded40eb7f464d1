import type { Orientation, Pixels } from "./format.ts";

/** Pixels are moved in squares of this side, so that both source and target stay in the cache. */
const TILE = 32;

/**
 * Turns an image upright.
 *
 * @param pixels As stored.
 * @param orientation What the file asks for.
 * @returns The image as it is to be seen; the same object for 1.
 */
export function upright(pixels: Pixels, orientation: Orientation): Pixels {
  if (orientation === 1) return pixels;
  const { width, height, channels, data } = pixels;
  const swapped = orientation >= 5;
  const [newWidth, newHeight] = swapped ? [height, width] : [width, height];
  const fromRight = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8;
  const fromBottom = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7;
  const target = new Uint8Array(data.length);
  // Steps in the target for one pixel to the right and one down in the source.
  const [perX, perY] = swapped ? [newWidth, 1] : [1, newWidth];
  const right = (fromRight ? -perX : perX) * channels;
  const down = (fromBottom ? -perY : perY) * channels;
  const start = ((fromRight ? (width - 1) * perX : 0) + (fromBottom ? (height - 1) * perY : 0)) * channels;
  for (let top = 0; top < height; top += TILE) {
    for (let left = 0; left < width; left += TILE) {
      const bottom = Math.min(height, top + TILE);
      const end = Math.min(width, left + TILE);
      for (let y = top; y < bottom; y++) {
        let from = (y * width + left) * channels;
        let to = start + y * down + left * right;
        for (let x = left; x < end; x++, to += right) {
          for (let c = 0; c < channels; c++) target[to + c] = data[from++]!;
        }
      }
    }
  }
  return { width: newWidth, height: newHeight, channels, data: target };
}
