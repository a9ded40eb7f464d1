import { plural } from "../../../lib/plural.ts";
import { readExifOrientation } from "../exif.ts";
import { damagedJpeg, unsupportedJpeg } from "./errors.ts";
import type { Orientation } from "../format.ts";
import { type NumberedTable, readHuffmanTables } from "./huffman.ts";

/** Markers of ITU-T T.81, table B.1. */
export const SOI = 0xd8;
export const EOI = 0xd9;
export const SOS = 0xda;
export const RST0 = 0xd0;
export const DHT = 0xc4;
const DQT = 0xdb;
const DNL = 0xdc;
const DRI = 0xdd;
const APP0 = 0xe0;
const APP1 = 0xe1;
const APP14 = 0xee;

/** One component (plane) of a frame. */
export interface Component {
  readonly id: number;
  /** Sampling factors, 1 to 4. */
  readonly h: number;
  readonly v: number;
  /** Number of its quantization table. */
  readonly quantization: number;
}

/** The frame header. */
export interface Frame {
  readonly progressive: boolean;
  readonly width: number;
  /** 0 if a DNL segment after the first scan declares it. */
  readonly height: number;
  /** 1, 3 or 4. */
  readonly components: readonly Component[];
  readonly maxH: number;
  readonly maxV: number;
}

/** The header of a scan. */
export interface Scan {
  /** Indices of the components. */
  readonly components: readonly number[];
  /** For each of them, the numbers of its tables. */
  readonly dc: readonly number[];
  readonly ac: readonly number[];
  /** First and last coefficient, in zigzag order. */
  readonly first: number;
  readonly last: number;
  /** Successive approximation: the bit before, and this one. */
  readonly high: number;
  readonly low: number;
}

/** What segments have defined so far. */
export class JpegState {
  frame: Frame | undefined;
  readonly quantization: (Uint16Array | undefined)[] = [];
  readonly dc: (NumberedTable | undefined)[] = [];
  readonly ac: (NumberedTable | undefined)[] = [];
  restartInterval = 0;
  hasJfif = false;
  /** Colour transform of Adobe's segment. */
  adobe: number | undefined;
  orientation: Orientation = 1;
  /** Whether the end marker was met. */
  ended = false;

  /**
   * Takes in one segment.
   *
   * @param marker Its marker.
   * @param content Without marker and length.
   * @throws {ImageError} `damaged` or `unsupported`
   */
  define(marker: number, content: Uint8Array): void {
    if (isFrame(marker)) this.frame = readFrame(marker, content, this.frame);
    else if (marker === DHT) this.#defineHuffman(content);
    else if (marker === DQT) this.#defineQuantization(content);
    else if (marker === DRI) this.restartInterval = word(content, 0);
    else if (marker === APP0) this.hasJfif ||= latin1(content, 5) === "JFIF\0";
    else if (marker === APP14 && latin1(content, 5) === "Adobe") this.adobe = content[11];
    else if (marker === APP1 && this.orientation === 1 && latin1(content, 6) === "Exif\0\0") {
      this.orientation = readExifOrientation(content.subarray(6));
    }
  }

  #defineHuffman(content: Uint8Array): void {
    for (const table of readHuffmanTables(content)) (table.isAc ? this.ac : this.dc)[table.number] = table;
  }

  #defineQuantization(content: Uint8Array): void {
    let at = 0;
    while (at < content.length) {
      const [precision, number] = [content[at]! >> 4, content[at]! & 15];
      const size = 64 * (precision + 1);
      if (precision > 1 || number > 3 || at + 1 + size > content.length) {
        throw damagedJpeg("a segment of quantization tables (DQT) is broken");
      }
      const table = new Uint16Array(64);
      for (let i = 0; i < 64; i++) {
        table[ZIGZAG[i]!] = precision ? word(content, at + 1 + 2 * i) : content[at + 1 + i]!;
      }
      this.quantization[number] = table;
      at += 1 + size;
    }
  }
}

/** From zigzag order to rows; too long by 16, since damaged data can point past the end of a block. */
export const ZIGZAG = zigzag();

function zigzag(): Uint8Array {
  const order = new Uint8Array(80).fill(63);
  let [x, y] = [0, 0];
  for (let i = 0; i < 64; i++) {
    order[i] = 8 * y + x;
    const up = (x + y) % 2 === 0;
    if (up && x < 7) y === 0 ? x++ : (x++, y--);
    else if (up) y++;
    else if (y < 7) x === 0 ? y++ : (y++, x--);
    else x++;
  }
  return order;
}

/** Where a marker stands, and where its segment ends. */
export interface Segment {
  readonly marker: number;
  /** Begin of the content, after the length. */
  readonly start: number;
  /** After the last byte of the content; can lie beyond the end of the file. */
  readonly end: number;
}

/**
 * Finds the next marker. What lies before it is skipped, as libjpeg does.
 *
 * @param bytes The file.
 * @param offset Where to begin.
 * @returns Index of the marker's second byte, or -1 if there is none.
 */
export function nextMarker(bytes: Uint8Array, offset: number): number {
  let at = bytes[offset] === 0xff ? offset : bytes.indexOf(0xff, offset);
  while (at !== -1) {
    while (bytes[at] === 0xff) at++;
    if (at >= bytes.length) return -1;
    if (bytes[at] !== 0) return at;
    at = bytes.indexOf(0xff, at);
  }
  return -1;
}

/**
 * Finds the next segment; restart markers are none.
 *
 * @param bytes The file.
 * @param offset Where to begin.
 * @returns The segment, or `undefined` if there is none.
 */
export function nextSegment(bytes: Uint8Array, offset: number): Segment | undefined {
  let at = nextMarker(bytes, offset);
  while (at !== -1 && bytes[at]! >= RST0 && bytes[at]! < SOI) at = nextMarker(bytes, at + 1);
  if (at === -1) return undefined;
  const marker = bytes[at]!;
  const standsAlone = marker === SOI || marker === EOI || marker === 0x01;
  if (standsAlone) return { marker, start: at + 1, end: at + 1 };
  const length = word(bytes, at + 1);
  if (length < 2) {
    throw damagedJpeg(`the segment at byte ${at - 1} has the length ${length}; expected 2 or more`);
  }
  return { marker, start: at + 3, end: at + 1 + length };
}

/**
 * Reads the header of a scan.
 *
 * @param content Of the SOS segment.
 * @param frame The frame it belongs to.
 * @returns The header.
 * @throws {ImageError} `damaged`
 */
export function readScan(content: Uint8Array, frame: Frame): Scan {
  const count = content[0] ?? 0;
  if (count < 1 || count > 4 || content.length < 4 + 2 * count) throw damagedJpeg("a scan header is broken");
  const components: number[] = [];
  for (let i = 0; i < count; i++) {
    const id = content[1 + 2 * i];
    const index = frame.components.findIndex((one, j) => one.id === id && !components.includes(j));
    if (index === -1) throw damagedJpeg(`a scan has the component ${id}, which its frame lacks`);
    components.push(index);
  }
  const tables = components.map((_, i) => content[2 + 2 * i]!);
  const [first, last, approximation] = content.subarray(1 + 2 * count) as unknown as [number, number, number];
  const scan = { components, dc: tables.map((t) => t >> 4), ac: tables.map((t) => t & 15), first, last };
  const [high, low] = [approximation >> 4, approximation & 15];
  if (!frame.progressive) return { ...scan, first: 0, last: 63, high: 0, low: 0 };
  const isBroken = first > last || last > 63 || low > 13 || (first === 0 && last !== 0) ||
    (first > 0 && count > 1) || (high !== 0 && low !== high - 1);
  if (isBroken) throw damagedJpeg(`a scan has the coefficients ${first} to ${last}, bits ${high} to ${low}`);
  return { ...scan, high, low };
}

/** SOF0 to SOF15, without DHT, JPG and DAC which lie between them; and the frame header of JPEG-LS. */
export function isFrame(marker: number): boolean {
  return marker === 0xf7 ||
    marker >= 0xc0 && marker <= 0xcf && marker !== DHT && marker !== 0xc8 && marker !== 0xcc;
}

const KINDS: ReadonlyMap<number, string> = new Map([
  [3, "lossless"],
  [5, "hierarchical"],
  [6, "hierarchical"],
  [7, "hierarchical"],
  [9, "arithmetic coding"],
  [10, "arithmetic coding"],
  [11, "lossless"],
  [55, "JPEG-LS"],
]);

function readFrame(marker: number, content: Uint8Array, before: Frame | undefined): Frame {
  const kind = marker - 0xc0;
  const count = content[5] ?? 0;
  if (content.length < 6 + 3 * count) throw damagedJpeg("its frame header is too short");
  const [precision, height, width] = [content[0], word(content, 1), word(content, 3)];
  if (kind > 2 || precision !== 8 || ![1, 3, 4].includes(count)) {
    const what = `frame type ${kind} (${KINDS.get(kind) ?? "Huffman coding"}), ${precision} bits, ${
      plural(count, "component")
    }`;
    throw unsupportedJpeg(`${what}; expected baseline or progressive, 8 bits, 1, 3 or 4 components`);
  }
  if (before !== undefined) throw damagedJpeg("it has two frame headers");
  if (width === 0) throw damagedJpeg(`its header declares ${width} × ${height} pixels`);
  const components = Array.from({ length: count }, (_, i) => {
    const [id, sampling, quantization] = content.subarray(6 + 3 * i) as unknown as [number, number, number];
    return { id, h: sampling >> 4, v: sampling & 15, quantization };
  });
  const bad = components.find(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4);
  if (bad) throw damagedJpeg(`a component has the sampling factors ${bad.h} × ${bad.v}; expected 1 to 4`);
  const maxH = Math.max(...components.map(({ h }) => h));
  const maxV = Math.max(...components.map(({ v }) => v));
  if (components.some(({ h, v }) => maxH % h !== 0 || maxV % v !== 0)) {
    throw unsupportedJpeg("its components have sampling factors that are no multiples of each other");
  }
  return { progressive: kind === 2, width, height, components, maxH, maxV };
}

/**
 * Looks for the segment that gives the number of lines.
 *
 * @param segment Any segment.
 * @param bytes The file.
 * @returns The height, if the segment is DNL.
 */
export function readLines({ marker, start, end }: Segment, bytes: Uint8Array): number | undefined {
  return marker === DNL && end - start >= 2 ? word(bytes, start) : undefined;
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function latin1(bytes: Uint8Array, length: number): string {
  return String.fromCharCode(...bytes.subarray(0, length));
}
