import type { ImageDecoder } from "./format.ts";
import { openDib } from "./dib.ts";

/** BMP of Windows and OS/2: 1 to 32 bits, palettes, bit masks, run lengths, from the top or the bottom. */
export const bmp: ImageDecoder = {
  open(bytes, budget) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const pixels = bytes.length >= 14 ? view.getUint32(10, true) : 0;
    return openDib("BMP", bytes.subarray(14), pixels - 14, budget);
  },
};
