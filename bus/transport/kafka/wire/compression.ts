/**
 * Decompresses batches of other producers. Our own are not compressed, since images are.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import snappy from "npm:snappyjs@0.7.0";
import { decompressLz4 } from "./lz4.ts";

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
  (bytes) => zlib.zstdDecompressSync(bytes, LIMIT),
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
