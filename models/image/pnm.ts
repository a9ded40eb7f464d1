import { plural } from "../../lib/plural.ts";
import { ImageError } from "../errors.ts";
import type { ImageDecoder, Pixels } from "./format.ts";
import type { Budget } from "./limits.ts";

/** What stands before the samples. */
interface Header {
  /** 1 to 7, as in `P5`. */
  readonly kind: number;
  readonly width: number;
  readonly height: number;
  /** Samples per pixel as stored: 1 to 4. */
  readonly depth: number;
  /** Value of white. */
  readonly max: number;
  /** Where the samples begin. */
  readonly start: number;
}

/** By samples per pixel. */
const COLOURS = ["grey", "grey with alpha", "RGB", "RGB with alpha"];

function bitsOf({ max }: Header): number {
  return Math.ceil(Math.log2(max + 1));
}

/** Comments and words before the samples; more are not looked at. */
const MAX_HEADER_BYTES = 65_536;

/** PBM, PGM and PPM, as text and binary, and PAM (Netpbm). */
export const pnm: ImageDecoder = {
  open(bytes, budget) {
    const header = readHeader(bytes);
    const { width, height, depth } = header;
    const decodedBytes = bytes.length + width * height * (depth === 2 ? 4 : depth);
    return {
      width,
      height,
      decodedBytes,
      describe: () => ({ bits: bitsOf(header), colours: COLOURS[depth - 1]!, orientation: 1 }),
      decode: () => decode(bytes, header, budget),
    };
  },
};

/** Reads words separated by white space; from `#` to the end of the line is a comment. */
class Words {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = Math.min(end, bytes.length);
  }

  next(): string {
    this.#skipSpace();
    const start = this.at;
    while (this.at < this.#end && this.#bytes[this.at]! > 0x20 && this.at - start < 20) this.at++;
    return String.fromCharCode(...this.#bytes.subarray(start, this.at));
  }

  /** One digit, of a text of bits. */
  digit(): number {
    this.#skipSpace();
    return this.#bytes[this.at++] ?? 0;
  }

  number(): number {
    this.#skipSpace();
    const start = this.at;
    let value = 0;
    for (; this.at < this.#end && this.at - start < 10; this.at++) {
      const digit = this.#bytes[this.at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = 10 * value + digit;
    }
    if (this.at === start) throw damaged(`at byte ${start} there is no number`);
    return value;
  }

  #skipSpace(): void {
    for (; this.at < this.#end; this.at++) {
      const byte = this.#bytes[this.at]!;
      if (byte === 0x23) { while (this.at < this.#end && this.#bytes[this.at] !== 0x0a) this.at++; }
      else if (byte > 0x20) return;
    }
  }
}

function readHeader(bytes: Uint8Array): Header {
  const kind = bytes[1]! - 0x30;
  const words = new Words(bytes, 2, MAX_HEADER_BYTES);
  const header = kind === 7 ? readPamHeader(words) : {
    width: words.number(),
    height: words.number(),
    depth: kind === 3 || kind === 6 ? 3 : 1,
    max: kind === 1 || kind === 4 ? 1 : words.number(),
  };
  const { width, height, depth, max } = header;
  if (width < 1 || height < 1) throw damaged(`its header declares ${width} × ${height} pixels`);
  if (max < 1 || max > 65_535) throw damaged(`its largest value is ${max}; expected 1 to 65535`);
  if (depth < 1 || depth > 4) {
    throw new ImageError(
      "unsupported",
      `This PNM is not supported: ${plural(depth, "sample")} per pixel; expected 1 to 4`,
    );
  }
  return { kind, ...header, start: words.at + 1 };
}

function readPamHeader(words: Words): Omit<Header, "kind" | "start"> {
  const header = { width: 0, height: 0, depth: 0, max: 0 };
  for (let i = 0; i < 100; i++) {
    const word = words.next();
    if (word === "ENDHDR") return header;
    if (word === "WIDTH") header.width = words.number();
    else if (word === "HEIGHT") header.height = words.number();
    else if (word === "DEPTH") header.depth = words.number();
    else if (word === "MAXVAL") header.max = words.number();
    else if (word !== "TUPLTYPE") continue;
    else words.next();
  }
  throw damaged("its header has no end (ENDHDR)");
}

function decode(bytes: Uint8Array, header: Header, budget: Budget): Pixels {
  const { width, height, depth } = header;
  const samples = new Uint8Array(width * height * depth);
  if (header.kind <= 3) readText(bytes, header, samples, budget);
  else readBinary(bytes, header, samples, budget);
  if (depth !== 2) return { width, height, channels: depth as 1 | 3 | 4, data: samples };
  const data = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    data.fill(samples[2 * i]!, 4 * i, 4 * i + 3);
    data[4 * i + 3] = samples[2 * i + 1]!;
  }
  return { width, height, channels: 4, data };
}

function readText(
  bytes: Uint8Array,
  { kind, max, start }: Header,
  samples: Uint8Array,
  budget: Budget,
): void {
  const words = new Words(bytes, start - 1, bytes.length);
  for (let i = 0; i < samples.length; i++) {
    if (i % 65_536 === 0) budget.checkTime();
    if (kind > 1) samples[i] = to8Bits(words.number(), max);
    else {
      const digit = words.digit();
      if (digit !== 0x30 && digit !== 0x31) {
        throw damaged(`it ends after ${i} of its ${samples.length} pixels`);
      }
      samples[i] = digit === 0x31 ? 0 : 255;
    }
  }
}

function readBinary(bytes: Uint8Array, header: Header, samples: Uint8Array, budget: Budget): void {
  const { kind, width, height, max, start } = header;
  const perSample = max > 255 ? 2 : 1;
  const length = kind === 4 ? Math.ceil(width / 8) * height : samples.length * perSample;
  if (start + length > bytes.length) {
    throw damaged(`its pixels have ${Math.max(0, bytes.length - start)} of ${length} bytes`);
  }
  if (kind === 4) {
    const stride = Math.ceil(width / 8);
    for (let i = 0; i < samples.length; i++) {
      const [y, x] = [Math.floor(i / width), i % width];
      samples[i] = (bytes[start + y * stride + (x >> 3)]! >> (7 - (x & 7))) & 1 ? 0 : 255;
    }
  } else if (max === 255) samples.set(bytes.subarray(start, start + length));
  else {
    for (let i = 0; i < samples.length; i++) {
      if (i % 65_536 === 0) budget.checkTime();
      const at = start + i * perSample;
      samples[i] = to8Bits(perSample === 2 ? (bytes[at]! << 8) | bytes[at + 1]! : bytes[at]!, max);
    }
  }
}

function to8Bits(value: number, max: number): number {
  return Math.round(Math.min(value, max) * 255 / max);
}

function damaged(reason: string): ImageError {
  return new ImageError("damaged", `The PNM is damaged: ${reason}`);
}
