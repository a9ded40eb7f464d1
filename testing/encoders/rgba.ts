import type { Pixels } from "../../models/image/format.ts";

/** Four samples per pixel, as encoders of browsers take them. */
export function toRgba({ width, height, channels, data }: Pixels): Uint8Array {
  const rgba = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < Math.max(3, channels); c++) {
      rgba[4 * i + c] = data[channels * i + (channels === 1 ? 0 : c)]!;
    }
  }
  return rgba;
}
