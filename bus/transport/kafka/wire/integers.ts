import { Buffer } from "node:buffer";

/** Encodes a signed 16-bit integer, big-endian. */
export function int16(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(2);
  buffer.writeInt16BE(value);
  return buffer;
}

/** Encodes a signed 32-bit integer, big-endian. */
export function int32(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeInt32BE(value);
  return buffer;
}
