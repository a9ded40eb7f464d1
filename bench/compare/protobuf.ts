/**
 * Fields of Protocol Buffers, as bytes.
 *
 * @module
 */
import { concatBytes } from "../../lib/bytes.ts";

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** A field with a whole number of at least 0. */
export function integer(field: number, value: number): Uint8Array {
  return concatBytes([tag(field, VARINT), varint(value)]);
}

/** A field with text. */
export function text(field: number, value: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(value));
}

/** A field with bytes. */
export function bytesField(field: number, value: Uint8Array): Uint8Array {
  return concatBytes([tag(field, LENGTH_DELIMITED), varint(value.length), value]);
}

/** A field with a message, of its fields. */
export function message(field: number, fields: readonly Uint8Array[]): Uint8Array {
  return bytesField(field, concatBytes(fields));
}

/** Numbers as little-endian bytes. */
export function floats(values: Float32Array): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => bytes.setFloat32(4 * i, value, true));
  return new Uint8Array(bytes.buffer);
}

function tag(field: number, type: number): Uint8Array {
  return varint(field * 8 + type);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 0x80)) bytes.push(value % 0x80 | 0x80);
  return Uint8Array.from([...bytes, value]);
}
