import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";
import { readExifOrientation } from "./exif.ts";
import type { Orientation } from "./format.ts";

/** How ImageMagick before 2019 named EXIF data, since PNG had no chunk for it. */
const KEYWORDS = ["Raw profile type exif\0", "Raw profile type APP1\0"];

/** Of the text before it is packed: the orientation is in the first directory, near the beginning. */
const MAX_TEXT_BYTES = 2 ** 18;

/**
 * Reads the orientation from EXIF data in a text chunk: keyword, for zTXt the method of compression, then a line with
 * the type, a line with the length, and hexadecimal digits in lines. What is broken is left aside, as all viewers do.
 *
 * @param content Of a chunk tEXt or zTXt.
 * @param isPacked Whether it is a zTXt.
 * @returns The orientation, 1 if the data has none; `undefined` if the text is something else.
 */
export function readTextOrientation(content: Uint8Array, isPacked: boolean): Orientation | undefined {
  const latin1 = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const keyword = KEYWORDS.find((one) => latin1.toString("latin1", 0, one.length) === one);
  if (keyword === undefined) return undefined;
  const text = isPacked ? unpack(latin1.subarray(keyword.length + 1)) : latin1.subarray(keyword.length);
  const [, digits = ""] = /^\s*\w+\s+\d+\s+([\da-f\s]*)/i.exec(text.toString("latin1", 0, MAX_TEXT_BYTES)) ??
    [];
  const exif = Buffer.from(digits.replaceAll(/\s/g, ""), "hex");
  return readExifOrientation(exif.toString("latin1", 0, 6) === "Exif\0\0" ? exif.subarray(6) : exif);
}

function unpack(packed: Buffer): Buffer {
  try {
    return inflateSync(packed, { maxOutputLength: MAX_TEXT_BYTES });
  } catch {
    return Buffer.alloc(0);
  }
}
