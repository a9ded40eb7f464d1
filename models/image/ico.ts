import { plural } from "../../lib/plural.ts";
import { ImageError } from "../errors.ts";
import { openDib } from "./dib.ts";
import type { ImageDecoder } from "./format.ts";
import { png } from "./png.ts";

/** Bytes of the header, and of each entry of the directory. */
const [HEADER, ENTRY] = [6, 16];

/** ICO and CUR of Windows: the largest of its images, of several the one with the most colours. */
export const ico: ImageDecoder = {
  open(bytes, budget) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const count = view.getUint16(4, true);
    budget.checkCount("frames", count);
    if (HEADER + count * ENTRY > bytes.length) {
      throw damaged(`it ends in its directory of ${plural(count, "image")}`);
    }
    let best = { area: 0, bits: -1, start: 0, length: 0 };
    for (let i = 0, at = HEADER; i < count; i++, at += ENTRY) {
      const area = (bytes[at] || 256) * (bytes[at + 1] || 256);
      // In a cursor, in the place of the bits stands the hot spot.
      const start = view.getUint32(at + 12, true);
      const bits = bytes[2] === 1 && view.getUint16(at + 6, true) || bitsOf(bytes, start);
      if (area < best.area || (area === best.area && bits <= best.bits)) continue;
      best = { area, bits, length: view.getUint32(at + 8, true), start };
    }
    if (best.start + best.length > bytes.length) {
      const left = Math.max(0, bytes.length - best.start);
      throw damaged(`an image has ${plural(best.length, "byte")}; ${left} are left`);
    }
    const image = bytes.subarray(best.start, best.start + best.length);
    return image[0] === 0x89 ? png.open(image, budget) : openDib("ICO", image, undefined, budget);
  },
};

/** Of an image, where the directory has none: those in its own header; a PNG counts as 32. */
function bitsOf(bytes: Uint8Array, start: number): number {
  return bytes[start] === 0x89 ? 32 : (bytes[start + 14] ?? 0) | (bytes[start + 15] ?? 0) << 8;
}

function damaged(reason: string): ImageError {
  return new ImageError("damaged", `The ICO is damaged: ${reason}`);
}
