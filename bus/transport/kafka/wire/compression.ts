/**
 * Compression of batches. Our own are compressed on request only, since the usual image formats are.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import snappy from "npm:snappyjs@0.7.0";
import { type Compression, COMPRESSIONS } from "./codecs.ts";
import { decompressLz4 } from "./lz4.ts";
import { compressLz4 } from "./lz4_encoder.ts";

/** A larger batch is considered a decompression bomb. */
export const MAX_BATCH_BYTES = 2 ** 28;

/** Framing of snappy-java: magic, two versions, then blocks that are prefixed with their length. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;

const LIMIT = { maxOutputLength: MAX_BATCH_BYTES };

/** By codec number in the attributes of a record batch. */
const CODECS: readonly ((bytes: Buffer) => Uint8Array)[] = [
  (bytes) => bytes,
  (bytes) => zlib.gunzipSync(bytes, LIMIT),
  decompressSnappy,
  (bytes) => decompressLz4(bytes, MAX_BATCH_BYTES),
  decompressZstd,
];

/**
 * Decompresses the records of a batch.
 *
 * @param codec Number of the codec: 0 for none.
 * @param bytes The compressed records.
 * @throws {Error} If they are damaged, or larger than 256 MiB, or the codec is not known.
 */
export function decompress(codec: number, bytes: Buffer): Buffer {
  const decode = CODECS[codec];
  if (!decode) throw new Error(`the compression codec ${codec} is not known`);
  const { buffer, byteOffset, byteLength } = decode(bytes);
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

const COMPRESSORS: Readonly<Record<Compression, (bytes: Buffer) => Uint8Array>> = {
  none: (bytes) => bytes,
  gzip: (bytes) => zlib.gzipSync(bytes),
  snappy: (bytes) => snappy.compress(bytes),
  lz4: compressLz4,
  zstd: (bytes) => zlib.zstdCompressSync(bytes),
};

/**
 * Compresses the records of a batch, if that makes them smaller.
 *
 * @param compression How.
 * @param bytes The records.
 * @returns The number of the codec, and the bytes.
 */
export function compress(compression: Compression, bytes: Buffer): readonly [codec: number, Uint8Array] {
  const compressed = COMPRESSORS[compression](bytes);
  return compressed.length < bytes.length ? [COMPRESSIONS.indexOf(compression), compressed] : [0, bytes];
}

/** The runtime decompresses one frame and ignores the others, which producers write that flush in the middle of a batch. */
function decompressZstd(bytes: Buffer): Uint8Array {
  const frames: Uint8Array[] = [];
  for (let [at, room] = [0, MAX_BATCH_BYTES]; at < bytes.length;) {
    const limit = { maxOutputLength: Math.max(1, room), info: true };
    const { buffer, engine } = zlib.zstdDecompressSync(bytes.subarray(at), limit) as unknown as ZstdFrame;
    frames.push(buffer);
    room -= buffer.length;
    at += engine.bytesWritten;
  }
  return frames.length === 1 ? frames[0]! : Buffer.concat(frames);
}

/** With the option `info`, which the types lack. */
interface ZstdFrame {
  readonly buffer: Buffer;
  /** How many bytes were read. */
  readonly engine: { readonly bytesWritten: number };
}

function decompressSnappy(bytes: Buffer): Uint8Array {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) {
    return snappy.uncompress(bytes, MAX_BATCH_BYTES);
  }
  const blocks: Uint8Array[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    blocks.push(snappy.uncompress(bytes.subarray(at + 4, at + 4 + length), MAX_BATCH_BYTES));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}
