import type { Pixels } from "../../models/image/format.ts";

const [SHORT, LONG] = [3, 4];

/**
 * Encodes an image as TIFF 6.0, uncompressed in one strip.
 *
 * @param pixels Grey or RGB.
 */
export function encodeTiff({ width, height, channels, data }: Pixels): Uint8Array {
  const entries: [tag: number, type: number, value: number][] = [
    [256, LONG, width],
    [257, LONG, height],
    [258, SHORT, 8],
    [259, SHORT, 1],
    [262, SHORT, channels === 1 ? 1 : 2],
    [273, LONG, 0],
    [277, SHORT, channels],
    [278, LONG, height],
    [279, LONG, data.length],
  ];
  const bitsAt = 8 + 2 + 12 * entries.length + 4;
  const pixelsAt = bitsAt + 2 * channels;
  const file = new Uint8Array(pixelsAt + data.length);
  const view = new DataView(file.buffer);
  file.set([0x49, 0x49, 42, 0, 8, 0, 0, 0, entries.length, 0]);
  entries.forEach(([tag, type, value], i) => {
    const at = 10 + 12 * i;
    const isBits = tag === 258 && channels > 1;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, isBits ? channels : 1, true);
    view.setUint32(at + 8, isBits ? bitsAt : tag === 273 ? pixelsAt : value, true);
  });
  for (let c = 0; c < channels; c++) view.setUint16(bitsAt + 2 * c, 8, true);
  file.set(data, pixelsAt);
  return file;
}
