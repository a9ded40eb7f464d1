import { crc32 } from "node:zlib";
import { SEVEN } from "./images.ts";

/** The first 33 bytes of a PNG of this size: signature and IHDR with its CRC. */
function pngHeader(width: number, height: number): Uint8Array<ArrayBuffer> {
  const bytes = SEVEN.png.slice(0, 33);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  view.setUint32(29, crc32(bytes.subarray(12, 29)));
  return bytes;
}

/** Bytes that cannot be classified, with the code of the failure. */
export const BAD_IMAGES: readonly (readonly [what: string, bytes: Uint8Array<ArrayBuffer>, code: string])[] =
  [
    ["a text file", new TextEncoder().encode("This is not an image.\n"), "not_an_image"],
    ["a truncated PNG", SEVEN.png.slice(0, SEVEN.png.length / 2), "damaged"],
    ["an empty file", new Uint8Array(0), "empty"],
    ["a PNG header of 30,000 × 30,000 pixels", pngHeader(30_000, 30_000), "too_many_pixels"],
  ];
