/**
 * Decompresses batches of other producers, for the codecs that kafkajs lacks. Our own are not compressed,
 * since images are.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import lz4 from "npm:lz4js@0.2.0";
import snappy from "npm:snappyjs@0.7.0";

/** The interface of kafkajs. */
export interface Codec {
  decompress(compressed: Buffer): Promise<Buffer>;
}

/** A larger batch is considered a decompression bomb. */
const MAX_BATCH_BYTES = 2 ** 30;

/** Framing of snappy-java: magic, two versions, then blocks that are prefixed with their length. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;

/** By codec number in the attributes of a record batch. */
export const CODECS: ReadonlyMap<number, Codec> = new Map([
  [2, codec(decompressSnappy)],
  [3, codec((bytes) => lz4.decompress(bytes, MAX_BATCH_BYTES))],
  [4, codec((bytes) => zlib.zstdDecompressSync(bytes, { maxOutputLength: MAX_BATCH_BYTES }))],
]);

function codec(decompress: (bytes: Buffer) => Uint8Array): Codec {
  return {
    async decompress(compressed) {
      const { buffer, byteOffset, byteLength } = await decompress(compressed);
      return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
    },
  };
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
