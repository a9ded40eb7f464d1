import type { Encoding, ImageDecoder, Orientation } from "./format.ts";
import { EntropyReader } from "./jpeg/entropy.ts";
import { type ColourSpace, colourSpace, toPixels } from "./jpeg/colour.ts";
import { chooseSize, type Layout, layOut, layoutBytes } from "./jpeg/planes.ts";
import { openPlane, readScanData, transformPlane } from "./jpeg/scans.ts";
import { damagedJpeg } from "./jpeg/errors.ts";
import { DHT, EOI, type Frame, JpegState, nextSegment, readLines } from "./jpeg/segments.ts";
import { readScan, type Scan, SOS } from "./jpeg/segments.ts";
import type { Budget } from "./limits.ts";
import { upright } from "./orientation.ts";

/**
 * JPEG (ITU-T T.81): baseline and progressive, 8 bits; grey, YCbCr, RGB, CMYK and YCCK; with restarts, DNL, and frames of
 * Motion JPEG without Huffman tables. Pixels and the tolerance of damage are libjpeg's. A file that ends before its last pixel
 * is refused.
 *
 * It is our own since the libraries are too narrow: jpeg-js 0.4.4 takes up to 2 GB for 48 megapixels, decodes RGB in wrong
 * colours and refuses what every viewer opens; @jsquash/jpeg 1.6.0 (libjpeg in WASM) has no reduced sizes and no CMYK.
 */
export const jpeg: ImageDecoder = {
  open(bytes, budget) {
    const { header, decode, ...image } = openJpeg(bytes, budget);
    return {
      ...image,
      describe: () => describe(header),
      decode: () => {
        const { width, height, channels, data } = decode(header.colours);
        return upright({ width, height, channels: channels as 1 | 3, data }, header.orientation);
      },
    };
  },
};

/**
 * Opens a JPEG that is a part of another file, which declares what its components are and how it is to be turned.
 *
 * @param bytes The file.
 * @param budget The bounds.
 * @returns The header, and how to decode the pixels as they are stored.
 * @throws {ImageError} `damaged`, `unsupported`, `over_limit`
 */
export function openJpeg(bytes: Uint8Array, budget: Budget) {
  const header = readHeader(bytes, budget);
  const { frame, keepsCoefficients } = header;
  budget.checkExtent(frame.width, frame.height);
  const layout = layOut(frame, chooseSize(frame, budget.limits.reduceAbovePixels));
  checkLength(bytes, layout);
  return {
    header,
    width: frame.width,
    height: frame.height,
    decodedBytes: bytes.length + layoutBytes(layout, keepsCoefficients),
    decode: (space: ColourSpace | "components") =>
      decodeFrame(bytes, keepsCoefficients, layout, budget, space),
  };
}

/** A block takes one bit at least, so that few bytes cannot make much work. */
function checkLength(bytes: Uint8Array, { planes }: Layout): void {
  const blocks = planes.reduce((sum, { blocksWide, blocksHigh }) => sum + blocksWide * blocksHigh, 0);
  if (blocks > 8 * bytes.length) {
    throw damagedJpeg(`its ${bytes.length} bytes cannot hold its ${blocks} blocks`);
  }
}

/** What is known before the first pixel is decoded. */
interface Header {
  readonly frame: Frame;
  readonly orientation: Orientation;
  readonly colours: ColourSpace;
  /** Whether several scans go over the same blocks. */
  readonly keepsCoefficients: boolean;
}

/** Up to the first scan; where there can be more of them, or the height is to come, up to the end of the file. */
function readHeader(bytes: Uint8Array, budget: Budget): Header {
  const state = new JpegState();
  let keepsCoefficients = false;
  let lines: number | undefined;
  for (const { segment, scan, scans } of segments(bytes, state, budget, false)) {
    const { frame } = state;
    if (scan && frame) {
      keepsCoefficients ||= frame.progressive || scan.components.length < frame.components.length;
      budget.checkCount("scans", scans);
      if (frame.height > 0 && !keepsCoefficients) break;
    }
    if (scans === 1) lines ??= readLines(segment, bytes);
  }
  const { frame, orientation } = state;
  if (!frame) throw damagedJpeg("it has no frame header");
  const height = frame.height || lines;
  if (!height) {
    throw damagedJpeg(`its header declares ${frame.width} × 0 pixels, and no segment gives the height`);
  }
  const colours = colourSpace(frame.components.map(({ id }) => id), state);
  return { frame: { ...frame, height }, orientation, colours, keepsCoefficients };
}

/** Subsampling is named as people do: of 4 × 2 pixels, samples of colour in the first row, and more in the second. */
function describe({ frame, orientation, colours }: Header): Encoding {
  const { components: [first, second], maxH, maxV, progressive } = frame;
  const [stepX, stepY] = [first!.h / (second?.h ?? 1), first!.v / (second?.v ?? 1)];
  const isNamed = colours.startsWith("Y") && first!.h === maxH && first!.v === maxV && 4 % stepX === 0;
  const ratio = isNamed ? ` 4:${4 / stepX}:${stepY === 1 ? 4 / stepX : 0}` : "";
  return { bits: 8, colours: colours + ratio + (progressive ? ", progressive" : ""), orientation };
}

/** Goes from segment to segment, keeps the state up to date, and ends with the image or the file. */
function* segments(bytes: Uint8Array, state: JpegState, budget: Budget, withTables: boolean) {
  let [scans, count, offset] = [0, 0, 2];
  while (true) {
    const segment = nextSegment(bytes, offset);
    if (!segment) return;
    const { marker, start, end } = segment;
    if (marker === EOI) {
      state.ended = true;
      return;
    }
    budget.checkCount("chunks", ++count);
    budget.checkTime();
    if (end > bytes.length) {
      throw damagedJpeg(`a segment of ${end - start} bytes stands where ${bytes.length - start} are left`);
    }
    const content = bytes.subarray(start, end);
    if (withTables || marker !== DHT) state.define(marker, content);
    let scan: Scan | undefined;
    if (marker === SOS) {
      if (!state.frame) throw damagedJpeg("a scan comes before the frame header");
      scan = readScan(content, state.frame);
      scans++;
    }
    yield { segment, scan, scans };
    offset = end;
  }
}

function decodeFrame(
  bytes: Uint8Array,
  keepsCoefficients: boolean,
  layout: Layout,
  budget: Budget,
  space: ColourSpace | "components",
) {
  const state = new JpegState();
  const reader = new EntropyReader(bytes);
  const planes = layout.planes.map((plane) => openPlane(plane, keepsCoefficients));
  const missing = new MissingBits(planes.length);
  for (const { segment, scan } of segments(bytes, state, budget, true)) {
    if (!scan) continue;
    reader.begin(segment.end);
    readScanData(scan, state, reader, layout, planes, budget);
    missing.subtract(scan);
    if (!keepsCoefficients) break;
  }
  if (!state.ended && missing.any) {
    throw damagedJpeg(`it ends after ${bytes.length} bytes, before its pixels do`);
  }
  if (keepsCoefficients) { for (const plane of planes) transformPlane(plane, budget); }
  return toPixels(layout, planes, space, budget);
}

/** Whether all bits of all coefficients were in some scan: distinguishes a file without end marker from a truncated one. */
class MissingBits {
  readonly #coefficients: Uint8Array[];

  constructor(components: number) {
    this.#coefficients = Array.from({ length: components }, () => new Uint8Array(64).fill(1));
  }

  subtract({ components, first, last, low }: Scan): void {
    if (low > 0) return;
    for (const component of components) this.#coefficients[component]!.fill(0, first, last + 1);
  }

  get any(): boolean {
    return this.#coefficients.some((ones) => ones.includes(1));
  }
}
