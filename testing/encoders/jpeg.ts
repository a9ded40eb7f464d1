import { encode } from "npm:jpeg-js@0.4.4";
import { concatBytes } from "../../lib/bytes.ts";
import type { Orientation, Pixels } from "../../models/image/format.ts";
import { toRgba } from "./rgba.ts";

/**
 * Encodes an image as JPEG.
 *
 * @param pixels Any image; what is transparent keeps its colours.
 * @param quality 1 to 100, on the scale of the Independent JPEG Group.
 */
export function encodeJpeg(pixels: Pixels, quality: number): Uint8Array {
  const { width, height } = pixels;
  return new Uint8Array(encode({ width, height, data: toRgba(pixels) }, quality).data);
}

/**
 * Adds EXIF data behind the start marker.
 *
 * @param file A JPEG without EXIF data.
 * @param orientation What it asks for.
 */
export function withOrientation(file: Uint8Array, orientation: Orientation): Uint8Array {
  // Little-endian TIFF with one entry: tag 0x0112, one SHORT.
  const tiff = [
    0x49,
    0x49,
    42,
    0,
    8,
    0,
    0,
    0,
    1,
    0,
    0x12,
    1,
    3,
    0,
    1,
    0,
    0,
    0,
    orientation,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ];
  const content = [...new TextEncoder().encode("Exif\0\0"), ...tiff];
  const segment = Uint8Array.of(0xff, 0xe1, 0, content.length + 2, ...content);
  return concatBytes([file.subarray(0, 2), segment, file.subarray(2)]);
}
