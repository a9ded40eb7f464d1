import { Buffer } from "node:buffer";
import { deflateSync } from "node:zlib";
import avifFactory from "npm:@jsquash/avif@2.1.1/codec/enc/avif_enc.js";
import { defaultOptions as avifOptions } from "npm:@jsquash/avif@2.1.1/meta.js";
import { concatBytes } from "../../lib/bytes.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import type { Pixels } from "../../models/image/format.ts";
import { Budget } from "../../models/image/limits.ts";
import { type EmscriptenModule, WasmCodec } from "../../models/image/wasm_codec.ts";
import { encodeBmp } from "../../testing/encoders/bmp.ts";
import { encodeJpeg } from "../../testing/encoders/jpeg.ts";
import { toRgba } from "../../testing/encoders/rgba.ts";
import { encodeWebp } from "../../testing/encoders/webp.ts";
import avifBinary from "./avif_encoder.js";
import { packLzw } from "./lzw.ts";

/** Encodes RGB. */
export type Encode = (image: Pixels) => Uint8Array;

/** By how the name of a file ends. HEIC is missing: no package encodes it. */
export const ENCODERS: Readonly<Record<string, Encode>> = {
  ".png": encodePng,
  ".jpg": (image) => encodeJpeg(image, 85),
  "-lossy.webp": (image) => encodeWebp(image, { quality: 80, method: 2 }),
  "-lossless.webp": (image) => encodeWebp(image, { lossless: 1, method: 0, quality: 20 }),
  ".avif": toAvif,
  ".gif": toGif,
  "-lzw.tiff": (image) => toTiff(image, 5, (bytes) => packLzw(bytes, { bits: 8, tiff: true })),
  "-deflate.tiff": (image) => toTiff(image, 8, (bytes) => deflateSync(bytes)),
  ".bmp": encodeBmp,
  ".ppm": toPpm,
};

interface Encoder extends EmscriptenModule {
  encode(rgba: Uint8Array, width: number, height: number, options: object): Uint8Array;
}

const UNBOUNDED = new Budget("image", { maxDecodedBytes: Infinity });

const avif = new WasmCodec<Encoder>(avifFactory as (options: object) => unknown, avifBinary);

function toAvif(image: Pixels): Uint8Array {
  const { width, height } = image;
  const options = { ...avifOptions, quality: 75, speed: 10 };
  return avif.use(UNBOUNDED, (module) => module.encode(toRgba(image), width, height, options)).slice();
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

function toPpm({ width, height, data }: Pixels): Uint8Array {
  return concatBytes([new TextEncoder().encode(`P6 ${width} ${height} 255\n`), data]);
}
