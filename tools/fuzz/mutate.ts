import { Buffer } from "node:buffer";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { concatBytes } from "../../lib/bytes.ts";
import type { Random } from "../../training/random.ts";
import { type NumberField, outlineOf, type Part } from "./outline.ts";

/** What a mutation can take from. */
export interface Sources {
  readonly random: Random;
  /** Any file of the corpus. */
  other(): Uint8Array;
}

/** Changes a file; gives a new array. */
type Mutation = (bytes: Uint8Array, sources: Sources) => Uint8Array;

/** Larger inputs are cut: the service is to be fed with many, not with large ones. */
const MAX_BYTES = 2 ** 17;

/** Values at which decoders change their ways, or that they get wrong. */
const NUMBERS = [0, 1, 2, 3, 4, 8, 16, 255, 256, 4_096, 10_000, 16_383, 16_384, 32_767, 32_768, 50_000]
  .concat([65_535, 65_536, 0x7fffff, 0xffffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff]);

function pick<T>(list: readonly T[], random: Random): T {
  return list[random.integer(0, list.length - 1)]!;
}

/** Puts bytes in the place of a part. */
function replaced(bytes: Uint8Array, { start, end }: Part, by: Uint8Array): Uint8Array {
  return concatBytes([bytes.subarray(0, start), by, bytes.subarray(end)]);
}

/** Most are short: headers are where decoders decide. */
function anyPart({ length }: Uint8Array, random: Random): Part {
  const bytes = 2 ** random.integer(0, Math.ceil(Math.log2(length + 1)));
  const start = random.integer(0, Math.max(0, length - 1));
  return { start, end: Math.min(length, start + random.integer(1, bytes)) };
}

function noise(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => random.integer(0, 255));
}

/** `count` times, but no more than fit. */
function repeated(bytes: Uint8Array, count: number): Uint8Array {
  const times = Math.max(1, Math.min(count, Math.floor(MAX_BYTES / Math.max(1, bytes.length))));
  return new Uint8Array(Buffer.alloc(bytes.length * times, bytes));
}

/** Mostly few times; sometimes as often as fits. */
function times(random: Random): number {
  return random.integer(1, 64) === 1 ? MAX_BYTES : random.integer(2, 8);
}

const flipBits: Mutation = (bytes, { random }) => {
  const copy = bytes.slice();
  for (let i = random.integer(1, 16); i > 0; i--) {
    copy[random.integer(0, copy.length - 1)]! ^= 1 << random.integer(0, 7);
  }
  return copy;
};

const setBytes: Mutation = (bytes, { random }) => {
  const copy = bytes.slice();
  const { start, end } = anyPart(bytes, random);
  copy.fill(pick([0, 1, 0x7f, 0x80, 0xff, random.integer(0, 255)], random), start, end);
  return copy;
};

const splice: Mutation = (bytes, { random, other }) => {
  const from = other();
  const { start, end } = anyPart(from, random);
  return replaced(bytes, anyPart(bytes, random), from.subarray(start, end));
};

const remove: Mutation = (bytes, { random }) => replaced(bytes, anyPart(bytes, random), new Uint8Array());

const repeat: Mutation = (bytes, { random }) => {
  const part = anyPart(bytes, random);
  return replaced(bytes, part, repeated(bytes.subarray(part.start, part.end), times(random)));
};

const insertNoise: Mutation = (bytes, { random }) => {
  const { start } = anyPart(bytes, random);
  return replaced(bytes, { start, end: start }, noise(random.integer(1, 64), random));
};

const truncate: Mutation = (bytes, { random }) => bytes.slice(0, random.integer(0, bytes.length));

const concatenate: Mutation = (bytes, { other }) => concatBytes([bytes, other()]);

const swapHeader: Mutation = (bytes, { random, other }) => {
  const end = pick([4, 8, 12, 16, 32, 64], random);
  return replaced(bytes, { start: 0, end: Math.min(bytes.length, end) }, other().subarray(0, end));
};

function write(bytes: Uint8Array, { at, bytes: size, little }: NumberField, value: number): void {
  for (let i = 0; i < size; i++) bytes[at + (little ? i : size - 1 - i)] = Math.floor(value / 256 ** i) & 255;
}

function read(bytes: Uint8Array, { at, bytes: size, little }: NumberField): number {
  let value = 0;
  for (let i = 0; i < size; i++) value += bytes[at + (little ? i : size - 1 - i)]! * 256 ** i;
  return value;
}

const changeNumber: Mutation = (bytes, { random }) => {
  const { numbers } = outlineOf(bytes);
  if (numbers.length === 0) return changeDecimal(bytes, { random, other: () => bytes });
  const copy = bytes.slice();
  for (let i = random.integer(1, 3); i > 0; i--) {
    const field = pick(numbers, random);
    const now = read(bytes, field);
    const near = [now + 1, now - 1, now * 2, now >> 1, bytes.length, random.integer(0, 0x7fffffff)];
    write(copy, field, pick(random.integer(0, 1) ? near : NUMBERS, random) >>> 0);
  }
  return copy;
};

/** Numbers that are written as text, as in PNM. */
const changeDecimal: Mutation = (bytes, { random }) => {
  const head = String.fromCharCode(...bytes.subarray(0, 64));
  const found = [...head.matchAll(/\d+/g)];
  if (found.length === 0) return flipBits(bytes, { random, other: () => bytes });
  const { 0: digits, index } = pick(found, random);
  const value = new TextEncoder().encode(String(pick([...NUMBERS, -1, 99_999_999_999], random)));
  return replaced(bytes, { start: index, end: index + digits.length }, value);
};

/** A mutation of a part that the format knows; of any part where it knows none. */
function ofPart(
  change: (bytes: Uint8Array, part: Part, parts: readonly Part[], sources: Sources) => Uint8Array,
) {
  return (bytes: Uint8Array, sources: Sources): Uint8Array => {
    const { parts } = outlineOf(bytes);
    const part = parts.length > 0 ? pick(parts, sources.random) : anyPart(bytes, sources.random);
    return change(bytes, part, parts, sources);
  };
}

const removePart = ofPart((bytes, part) => replaced(bytes, part, new Uint8Array()));

const repeatPart = ofPart((bytes, part, _, { random }) =>
  replaced(bytes, part, repeated(bytes.subarray(part.start, part.end), times(random)))
);

const movePart = ofPart((bytes, part, parts, { random }) => {
  const content = bytes.slice(part.start, part.end);
  const { start } = parts.length > 0 ? pick(parts, random) : part;
  const joint = replaced(bytes, { start, end: start }, content);
  return random.integer(0, 1) ? joint : replaced(joint, part, new Uint8Array());
});

const borrowPart = ofPart((bytes, part, _, { random, other }) => {
  const from = other();
  const { parts } = outlineOf(from);
  if (parts.length === 0) return replaced(bytes, part, from);
  const { start, end } = pick(parts, random);
  return replaced(bytes, part, from.subarray(start, end));
});

const mutatePart = ofPart((bytes, part, _, { random, other }) => {
  const inner = pick([flipBits, setBytes, repeat, remove, truncate], random);
  const content = bytes.slice(part.start, part.end);
  return replaced(bytes, part, inner(content, { random, other }));
});

/** Changes the pixels of a PNG behind their compression and their checksums. */
const changeInflated: Mutation = (bytes, sources) => {
  const name = (at: number) => String.fromCharCode(...bytes.subarray(at + 4, at + 8));
  const data = outlineOf(bytes).parts.filter(({ start }) => name(start) === "IDAT");
  if (data.length !== 1) return flipBits(bytes, sources);
  const [{ start, end }] = data as [Part];
  try {
    const raw = inflateSync(bytes.subarray(start + 8, end - 4), { maxOutputLength: MAX_BYTES });
    const change = pick([flipBits, setBytes, truncate, repeat, insertNoise], sources.random);
    const packed = deflateSync(change(new Uint8Array(raw), sources));
    const chunk = new Uint8Array(packed.length + 12);
    write(chunk, { at: 0, bytes: 4, little: false }, packed.length);
    chunk.set(bytes.subarray(start + 4, start + 8), 4);
    chunk.set(packed, 8);
    return replaced(bytes, { start, end }, chunk);
  } catch {
    return flipBits(bytes, sources);
  }
};

/** Makes the checksums of a PNG and the length of a RIFF file right again, so that decoders look behind them. */
function repaired(bytes: Uint8Array): Uint8Array {
  const type = String.fromCharCode(...bytes.subarray(0, 4));
  if (type === "RIFF" && bytes.length >= 12) {
    write(bytes, { at: 4, bytes: 4, little: true }, bytes.length - 8);
  }
  if (type !== "\x89PNG") return bytes;
  for (const { start, end } of outlineOf(bytes).parts) {
    write(bytes, { at: end - 4, bytes: 4, little: false }, crc32(bytes.subarray(start + 4, end - 4)));
  }
  return bytes;
}

/** Those that know formats come more often. */
const MUTATIONS: readonly Mutation[] = [
  flipBits,
  setBytes,
  splice,
  remove,
  repeat,
  insertNoise,
  truncate,
  concatenate,
  swapHeader,
  changeDecimal,
  ...[changeNumber, changeNumber, changeNumber, changeNumber],
  ...[removePart, repeatPart, repeatPart, movePart, borrowPart, mutatePart, mutatePart],
  ...[changeInflated, changeInflated],
];

const MAX_MUTATIONS = 4;

/**
 * Changes a file in one to four ways. The same random numbers give the same bytes.
 *
 * @param bytes The file.
 * @param sources Random numbers, and files to take parts from.
 * @returns A new file of at most 128 KiB.
 */
export function mutate(bytes: Uint8Array, sources: Sources): Uint8Array<ArrayBuffer> {
  const { random } = sources;
  let mutated = bytes;
  for (let i = random.integer(1, MAX_MUTATIONS); i > 0; i--) {
    if (mutated.length > 0) mutated = pick(MUTATIONS, random)(mutated, sources).subarray(0, MAX_BYTES);
  }
  const copy = mutated.slice();
  return new Uint8Array(random.integer(0, 3) > 0 ? repaired(copy) : copy);
}
