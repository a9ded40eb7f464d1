import type { Orientation } from "./format.ts";

/** Tag of the orientation in the first directory; CIPA DC-008, 4.6.5. */
const ORIENTATION = 0x0112;
const SHORT = 3;

/**
 * Reads the orientation from EXIF data. What is broken is left aside, as all viewers do.
 *
 * @param exif A TIFF header and what follows, without `Exif\0\0`.
 * @returns The orientation, 1 if there is none.
 */
export function readExifOrientation(exif: Uint8Array): Orientation {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  if (view.byteLength < 8) return 1;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const little = order === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return 1;
  const count = view.getUint16(directory, little);
  for (let i = 0, at = directory + 2; i < count && at + 12 <= view.byteLength; i++, at += 12) {
    if (view.getUint16(at, little) !== ORIENTATION) continue;
    if (view.getUint16(at + 2, little) !== SHORT) return 1;
    return orientationOf(view.getUint16(at + 8, little));
  }
  return 1;
}

/**
 * @param value Any number.
 * @returns The orientation of that number, or 1.
 */
export function orientationOf(value: number): Orientation {
  return value >= 1 && value <= 8 ? value as Orientation : 1;
}
