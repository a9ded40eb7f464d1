import { Buffer } from "node:buffer";
import { deflateSync } from "node:zlib";
import avifFactory from "npm:@jsquash/avif@2.1.1/codec/enc/avif_enc.js";
import { defaultOptions as avifOptions } from "npm:@jsquash/avif@2.1.1/meta.js";
import webpFactory from "npm:@jsquash/webp@1.5.0/codec/enc/webp_enc.js";
import { defaultOptions as webpOptions } from "npm:@jsquash/webp@1.5.0/meta.js";
import { encode as encodeJpeg } from "npm:jpeg-js@0.4.4";
import { concatBytes } from "../../lib/bytes.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import type { Pixels } from "../../models/image/format.ts";
import { Budget } from "../../models/image/limits.ts";
import { type EmscriptenModule, WasmCodec } from "../../models/image/wasm_codec.ts";
import avifBinary from "./avif_encoder.js";
import { packLzw } from "./lzw.ts";
import webpBinary from "./webp_encoder.js";

/** Encodes RGB. */
export type Encode = (image: Pixels) => Uint8Array;

/** By how the name of a file ends. HEIC is missing: no package encodes it. */
export const ENCODERS: Readonly<Record<string, Encode>> = {
  ".png": encodePng,
  ".jpg": toJpeg,
  "-lossy.webp": (image) => toWebp(image, { quality: 80, method: 2 }),
  "-lossless.webp": (image) => toWebp(image, { lossless: 1, method: 0, quality: 20 }),
  ".avif": toAvif,
  ".gif": toGif,
  "-lzw.tiff": (image) => toTiff(image, 5, (bytes) => packLzw(bytes, { bits: 8, tiff: true })),
  "-deflate.tiff": (image) => toTiff(image, 8, (bytes) => deflateSync(bytes)),
  ".bmp": toBmp,
  ".ppm": toPpm,
};

interface Encoder extends EmscriptenModule {
  encode(rgba: Uint8Array, width: number, height: number, options: object): Uint8Array;
}

const UNBOUNDED = new Budget("image", { maxDecodedBytes: Infinity });

type Factory = (options: object) => unknown;
const webp = new WasmCodec<Encoder>(webpFactory as Factory, webpBinary);
const avif = new WasmCodec<Encoder>(avifFactory as Factory, avifBinary);

function toWebp(image: Pixels, options: object): Uint8Array {
  const { width, height } = image;
  const all = { ...webpOptions, ...options };
  return webp.use(UNBOUNDED, (module) => module.encode(rgbaOf(image), width, height, all)).slice();
}

function toAvif(image: Pixels): Uint8Array {
  const { width, height } = image;
  const options = { ...avifOptions, quality: 75, speed: 10 };
  return avif.use(UNBOUNDED, (module) => module.encode(rgbaOf(image), width, height, options)).slice();
}

function rgbaOf({ width, height, data }: Pixels): Uint8Array {
  const rgba = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return rgba;
}

function toJpeg(image: Pixels): Uint8Array {
  const { width, height } = image;
  return new Uint8Array(encodeJpeg({ width, height, data: rgbaOf(image) }, 85).data);
}

/** In 256 colours: 3 bits of red and green, 2 of blue. */
function toGif({ width, height, data }: Pixels): Uint8Array {
  const header = Buffer.alloc(13);
  header.write("GIF89a", "latin1");
  header.writeUInt16LE(width, 6);
  header.writeUInt16LE(height, 8);
  header[10] = 0xf7;
  const palette = Uint8Array.from({ length: 768 }, (_, i) => {
    const colour = Math.floor(i / 3);
    return [colour & 0xe0, (colour << 3) & 0xe0, (colour << 6) & 0xc0][i % 3]!;
  });
  const indices = Uint8Array.from({ length: width * height }, (_, i) => {
    return (data[3 * i]! & 0xe0) | ((data[3 * i + 1]! & 0xe0) >> 3) | (data[3 * i + 2]! >> 6);
  });
  const frame = Buffer.alloc(11);
  frame[0] = 0x2c;
  frame.writeUInt16LE(width, 5);
  frame.writeUInt16LE(height, 7);
  frame[10] = 8;
  const packed = packLzw(indices, { bits: 8, tiff: false });
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < packed.length; at += 255) {
    const block = packed.subarray(at, at + 255);
    blocks.push(Uint8Array.of(block.length), block);
  }
  return concatBytes([header, palette, frame, ...blocks, Uint8Array.of(0, 0x3b)]);
}

/** One strip, whose samples are differences to the pixel to the left, as most programs write them. */
function toTiff(
  { width, height, data }: Pixels,
  compression: number,
  pack: (bytes: Uint8Array) => Uint8Array,
) {
  const differences = data.map((value, i) => i % (3 * width) < 3 ? value : value - data[i - 3]!);
  const strip = pack(differences);
  const entries = [
    [256, 4, width],
    [257, 4, height],
    [258, 3, 8],
    [259, 3, compression],
    [262, 3, 2],
    [273, 4, 8],
    [277, 3, 3],
    [278, 4, height],
    [279, 4, strip.length],
    [317, 3, 2],
  ] as const;
  const header = Buffer.from("49492a0000000000", "hex");
  header.writeUInt32LE(8 + strip.length, 4);
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length, 0);
  entries.forEach(([tag, type, value], i) => {
    directory.writeUInt16LE(tag, 2 + 12 * i);
    directory.writeUInt16LE(type, 4 + 12 * i);
    directory.writeUInt32LE(1, 6 + 12 * i);
    directory.writeUInt32LE(value, 10 + 12 * i);
  });
  return concatBytes([header, strip, directory]);
}

/** From the bottom, blue first. */
function toBmp({ width, height, data }: Pixels): Uint8Array {
  const stride = Math.ceil(3 * width / 4) * 4;
  const file = new Uint8Array(54 + stride * height);
  const view = new DataView(file.buffer);
  file.set([0x42, 0x4d]);
  const fields = { 2: file.length, 10: 54, 14: 40, 18: width, 22: height, 26: 1 | 24 << 16 };
  for (const [at, value] of Object.entries(fields)) view.setUint32(Number(at), value, true);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [3 * (y * width + x), 54 + (height - 1 - y) * stride + 3 * x];
      for (let c = 0; c < 3; c++) file[to + c] = data[from + 2 - c]!;
    }
  }
  return file;
}

function toPpm({ width, height, data }: Pixels): Uint8Array {
  return concatBytes([new TextEncoder().encode(`P6 ${width} ${height} 255\n`), data]);
}
