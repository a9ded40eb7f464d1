import { decode } from "npm:jpeg-js@0.4.4";
import { ImageError } from "../errors.ts";
import type { Extent, ImageFormat } from "./format.ts";

/** More work than this is refused: a progressive file can go over all its pixels again with a few bytes a scan. */
const MAX_PIXELS_TIMES_SCANS = 1_000_000_000;

/**
 * "Tolerant" is needed for grey files with restart intervals, which are in order; that nothing is cut off was seen before.
 * By its own count jpeg-js takes 14 bytes a pixel with halved colours and 21 with full ones; in truth twice that.
 */
const OPTIONS = {
  useTArray: true,
  formatAsRGBA: false,
  tolerantDecoding: true,
  maxResolutionInMP: Infinity,
  maxMemoryUsageInMB: 1_200,
} as const;

/** Markers of ITU-T T.81, table B.1. */
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;

/** JPEG: baseline and progressive, 8 bits, grey, YCbCr, RGB or CMYK. The orientation of EXIF is not applied. */
export const jpeg: ImageFormat = {
  name: "JPEG",
  matches: (bytes) => bytes[0] === 0xff && bytes[1] === SOI && bytes[2] === 0xff,
  inspect(bytes) {
    const { extent, scans } = walk(bytes);
    if (extent.width * extent.height * scans > MAX_PIXELS_TIMES_SCANS) {
      throw new ImageError(
        "too_many_pixels",
        `The JPEG goes ${scans} times over ${extent.width} × ${extent.height} pixels`,
      );
    }
    return extent;
  },
  decode(bytes) {
    try {
      const { width, height, data } = decode(bytes, OPTIONS);
      if (walk(bytes).components > 1) return { width, height, channels: 3, data };
      return { width, height, channels: 1, data: everyThird(data) };
    } catch (cause) {
      if (!(cause instanceof Error && cause.message.includes("maxMemoryUsageInMB"))) throw cause;
      const message = `The JPEG needs more than the ${OPTIONS.maxMemoryUsageInMB} MB that decoding may take`;
      throw new ImageError("too_many_pixels", message, { cause });
    }
  },
};

/** jpeg-js repeats each grey thrice. */
function everyThird(samples: Uint8Array): Uint8Array {
  const greys = new Uint8Array(samples.length / 3);
  for (let i = 0; i < greys.length; i++) greys[i] = samples[3 * i]!;
  return greys;
}

/** What the header of the only frame says. */
interface Frame {
  readonly extent: Extent;
  /** 1 for grey, 3, or 4 for CMYK. */
  readonly components: number;
}

/** Goes from marker to marker up to the end of the image. */
function walk(bytes: Uint8Array): { extent: Extent; components: number; scans: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: Frame | undefined;
  let scans = 0;
  let offset = 2;
  while (offset + 4 <= bytes.byteLength) {
    if (bytes[offset] !== 0xff) throw damaged(`no marker at byte ${offset}`);
    const marker = view.getUint8(offset + 1);
    if (marker === 0xff) {
      offset++;
      continue;
    }
    if (isFrame(marker)) frame = readFrame(view, offset, frame);
    offset += 2 + view.getUint16(offset + 2);
    if (marker !== SOS) continue;
    scans++;
    offset = skipEntropyCoded(bytes, offset);
    if (bytes[offset + 1] === EOI && frame !== undefined) return { ...frame, scans };
  }
  throw damaged(`it ends after ${bytes.byteLength} bytes, before its end marker`);
}

/** SOF0 to SOF15, without DHT, JPG and DAC which lie between them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function readFrame(view: DataView, offset: number, before: Frame | undefined): Frame {
  if (offset + 10 > view.byteLength) throw damaged("its frame header is cut off");
  const kind = view.getUint8(offset + 1) - 0xc0;
  const precision = view.getUint8(offset + 4);
  const [height, width] = [view.getUint16(offset + 5), view.getUint16(offset + 7)];
  const components = view.getUint8(offset + 9);
  if (kind > 2 || precision !== 8 || ![1, 3, 4].includes(components)) {
    const what = `frame type ${kind}, ${precision} bits, ${components} components`;
    throw new ImageError(
      "unsupported",
      `This JPEG is not supported: ${what}; baseline and progressive with 8 bits are`,
    );
  }
  if (before !== undefined) throw damaged("it has two frame headers");
  if (width === 0 || height === 0) throw damaged(`its header says ${width} × ${height} pixels`);
  return { extent: { width, height }, components };
}

/** To the next marker that is neither a stuffed zero nor a restart; or to the end of the bytes. */
function skipEntropyCoded(bytes: Uint8Array, start: number): number {
  let offset = bytes.indexOf(0xff, start);
  while (offset !== -1) {
    const next = bytes[offset + 1] ?? 0;
    const goesOn = next === 0 || (next >= 0xd0 && next <= 0xd7);
    if (!goesOn && next !== 0xff) return offset;
    offset = bytes.indexOf(0xff, offset + (goesOn ? 2 : 1));
  }
  return bytes.byteLength;
}

function damaged(reason: string): ImageError {
  return new ImageError("damaged", `The JPEG is damaged: ${reason}`);
}
