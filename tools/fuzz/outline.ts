import {
  isAvif,
  isBmp,
  isHeic,
  isIco,
  isPnm,
  isTiff,
  type Matches,
  signature,
} from "../../models/image/signatures.ts";

/** A number in a file: a length, an extent, a count, a kind. */
export interface NumberField {
  readonly at: number;
  readonly bytes: 1 | 2 | 3 | 4;
  /** Whether its lowest byte comes first. */
  readonly little: boolean;
}

/** Bytes that belong together: a chunk, a segment, a box, an entry. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/** What a format gives a meaning in a file; as far as the file can be followed. */
export interface Outline {
  readonly numbers: readonly NumberField[];
  readonly parts: readonly Part[];
}

/** Parts beyond this, and parts inside so many others, are not looked at. */
const [MAX_PARTS, MAX_DEPTH] = [1_000, 8];

/** Collects an outline; what lies outside the file is left out. */
class Sketch implements Outline {
  readonly numbers: NumberField[] = [];
  readonly parts: Part[] = [];
  readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.view.byteLength;
  }

  get isFull(): boolean {
    return this.parts.length >= MAX_PARTS;
  }

  part(start: number, end: number): void {
    if (end > start && end <= this.length) this.parts.push({ start, end });
  }

  /** Numbers one after the other. */
  run(at: number, sizes: readonly NumberField["bytes"][], little: boolean): void {
    for (const bytes of sizes) {
      if (at + bytes <= this.length) this.numbers.push({ at, bytes, little });
      at += bytes;
    }
  }

  read(at: number, bytes: 1 | 2 | 4, little: boolean): number {
    if (at < 0 || at + bytes > this.length) return 0;
    if (bytes === 1) return this.view.getUint8(at);
    return bytes === 2 ? this.view.getUint16(at, little) : this.view.getUint32(at, little);
  }

  text(at: number): string {
    return String.fromCharCode(...[0, 1, 2, 3].map((i) => this.read(at + i, 1, false)));
  }
}

type Draw = (sketch: Sketch) => void;

const drawPng: Draw = (sketch) => {
  for (let at = 8; at + 12 <= sketch.length && !sketch.isFull;) {
    const length = sketch.read(at, 4, false);
    sketch.part(at, at + 12 + length);
    sketch.run(at, [4], false);
    if (sketch.text(at + 4) === "IHDR") sketch.run(at + 8, [4, 4, 1, 1, 1, 1, 1], false);
    if (sketch.text(at + 4) === "fcTL") sketch.run(at + 8, [4, 4, 4, 4, 4, 2, 2, 1, 1], false);
    at += 12 + length;
  }
};

const drawJpeg: Draw = (sketch) => {
  for (let at = 2; at + 4 <= sketch.length && !sketch.isFull;) {
    const marker = sketch.read(at + 1, 1, false);
    if (sketch.read(at, 1, false) !== 0xff || marker === 0 || (marker >= 0xd0 && marker <= 0xd9)) {
      at++;
      continue;
    }
    const length = sketch.read(at + 2, 2, false);
    sketch.part(at, at + 2 + length);
    sketch.run(at + 1, [1, 2], false);
    if (marker >= 0xc0 && marker <= 0xc2) sketch.run(at + 4, [1, 2, 2, 1, 1, 1, 1, 1, 1, 1], false);
    else if (marker < 0xe0) sketch.run(at + 4, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], false);
    else sketch.run(at + 4, [4, 4, 2, 2, 4], false);
    at += 2 + Math.max(length, 1);
  }
};

function drawRiffChunks(sketch: Sketch, from: number, to: number, depth = 0): void {
  for (let at = from; at + 8 <= to && !sketch.isFull;) {
    const length = sketch.read(at + 4, 4, true);
    const type = sketch.text(at);
    sketch.part(at, at + 8 + length + length % 2);
    sketch.run(at + 4, [4], true);
    if (type === "VP8X") sketch.run(at + 8, [1, 3, 3, 3], true);
    if (type === "VP8 ") sketch.run(at + 8, [3, 3, 2, 2], true);
    if (type === "VP8L") sketch.run(at + 8, [1, 4], true);
    if (type === "ALPH") sketch.run(at + 8, [1], true);
    if (type === "ANMF" && depth < MAX_DEPTH) {
      sketch.run(at + 8, [3, 3, 3, 3, 3, 1], true);
      drawRiffChunks(sketch, at + 24, at + 8 + length, depth + 1);
    }
    at += 8 + length + length % 2;
  }
}

const drawWebp: Draw = (sketch) => {
  sketch.run(4, [4], true);
  drawRiffChunks(sketch, 12, sketch.length);
};

const drawGif: Draw = (sketch) => {
  sketch.run(6, [2, 2, 1, 1, 1], true);
  const palette = (flags: number) => flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
  let at = 13 + palette(sketch.read(10, 1, true));
  sketch.part(13, at);
  while (at < sketch.length && !sketch.isFull) {
    const [kind, start] = [sketch.read(at, 1, true), at];
    if (kind === 0x2c) {
      sketch.run(at + 1, [2, 2, 2, 2, 1], true);
      at += 10 + palette(sketch.read(at + 9, 1, true));
      sketch.run(at, [1, 1], true);
      at++;
    } else if (kind === 0x21) {
      sketch.run(at + 1, [1, 1, 1, 2, 1], true);
      at += 2;
    } else break;
    for (let length = 1; length > 0 && at < sketch.length; at += length + 1) {
      length = sketch.read(at, 1, true);
    }
    sketch.part(start, at);
  }
};

function drawDib(sketch: Sketch, at: number): void {
  sketch.run(at, [4, 4, 4, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4], true);
  sketch.part(at, at + sketch.read(at, 4, true));
}

const drawBmp: Draw = (sketch) => {
  sketch.run(2, [4, 2, 2, 4], true);
  drawDib(sketch, 14);
  sketch.part(sketch.read(10, 4, true), sketch.length);
};

const drawIco: Draw = (sketch) => {
  sketch.run(2, [2, 2], true);
  const count = sketch.read(4, 2, true);
  for (let at = 6; at < 6 + 16 * count && at + 16 <= sketch.length && !sketch.isFull; at += 16) {
    sketch.part(at, at + 16);
    sketch.run(at, [1, 1, 1, 1, 2, 2, 4, 4], true);
    const image = sketch.read(at + 12, 4, true);
    sketch.part(image, image + sketch.read(at + 8, 4, true));
    drawDib(sketch, image);
  }
};

/** Bytes of the field types of TIFF. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4];

const drawTiff: Draw = (sketch) => {
  const little = sketch.read(0, 1, true) === 0x49;
  const directory = sketch.read(4, 4, little);
  sketch.run(4, [4], little);
  sketch.run(directory, [2], little);
  const count = sketch.read(directory, 2, little);
  for (let i = 0; i < count && !sketch.isFull; i++) {
    const at = directory + 2 + 12 * i;
    sketch.part(at, at + 12);
    const [type, values] = [sketch.read(at + 2, 2, little), sketch.read(at + 4, 4, little)];
    const bytes = (TYPE_BYTES[type] ?? 0) * values;
    const short = type === 3 && values <= 2;
    sketch.run(at, short ? [2, 2, 4, 2, 2] : [2, 2, 4, 4], little);
    if (bytes <= 4) continue;
    const place = sketch.read(at + 8, 4, little);
    sketch.part(place, place + bytes);
    sketch.run(place, type === 3 ? [2, 2, 2, 2] : [4, 4, 4, 4], little);
  }
};

const CONTAINERS = new Set(["meta", "iprp", "ipco", "moov", "trak", "mdia", "minf", "stbl", "iinf", "iref"]);

function drawBoxes(sketch: Sketch, from: number, to: number, depth = 0): void {
  for (let at = from; at + 8 <= to && !sketch.isFull;) {
    const length = sketch.read(at, 4, false) || to - at;
    const type = sketch.text(at + 4);
    sketch.part(at, at + length);
    sketch.run(at, [4], false);
    if (CONTAINERS.has(type) && depth < MAX_DEPTH) {
      const inside = at + ({ meta: 12, iref: 12, iinf: 14 }[type] ?? 8);
      drawBoxes(sketch, inside, Math.min(to, at + length), depth + 1);
    } else if (type !== "mdat") {
      const words = Math.min(16, (length - 8) >> 2);
      sketch.run(at + 8, Array.from({ length: Math.max(0, words) }, () => 4 as const), false);
    }
    if (length < 8) return;
    at += length;
  }
}

const drawHeif: Draw = (sketch) => drawBoxes(sketch, 0, sketch.length);

const FORMATS: Readonly<Record<string, readonly [Matches, Draw]>> = {
  PNG: [signature("\x89PNG"), drawPng],
  JPEG: [signature("\xff\xd8"), drawJpeg],
  WebP: [signature("WEBP", 8), drawWebp],
  GIF: [signature("GIF8"), drawGif],
  BMP: [isBmp, drawBmp],
  TIFF: [isTiff, drawTiff],
  AVIF: [isAvif, drawHeif],
  HEIC: [isHeic, drawHeif],
  PNM: [isPnm, () => {}],
  ICO: [isIco, drawIco],
};

/**
 * The format that the first bytes of a file indicate.
 *
 * @param bytes Any bytes.
 * @returns Its name; `"none"` for an unknown one.
 */
export function formatOf(bytes: Uint8Array): string {
  return Object.entries(FORMATS).find(([, [matches]]) => matches(bytes))?.[0] ?? "none";
}

/**
 * Looks for the numbers and parts of a file, by its format.
 *
 * @param bytes Any bytes.
 * @returns Its outline; an empty one where there is nothing to be found.
 */
export function outlineOf(bytes: Uint8Array): Outline {
  const sketch = new Sketch(bytes);
  FORMATS[formatOf(bytes)]?.[1](sketch);
  return sketch;
}
