import type { Pixels } from "../../models/image/format.ts";

/**
 * Encodes an image as BMP of 24 bits: rows from the bottom, blue first.
 *
 * @param pixels Grey or RGB.
 */
export function encodeBmp({ width, height, channels, data }: Pixels): Uint8Array {
  const stride = Math.ceil(3 * width / 4) * 4;
  const file = new Uint8Array(54 + stride * height);
  const view = new DataView(file.buffer);
  file.set([0x42, 0x4d]);
  const header = [[2, file.length], [10, 54], [14, 40], [18, width], [22, height], [
    26,
    1 | 24 << 16,
  ]] as const;
  for (const [at, value] of header) view.setUint32(at, value, true);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [channels * (y * width + x), 54 + (height - 1 - y) * stride + 3 * x];
      for (let c = 0; c < 3; c++) file[to + c] = data[from + (channels === 1 ? 0 : 2 - c)]!;
    }
  }
  return file;
}
