import { plural } from "../../../lib/plural.ts";
import { damagedJpeg } from "./errors.ts";

/** Codes up to this length are looked up at once; longer ones are rare. */
export const LOOKAHEAD = 10;

/** A Huffman table in the forms that decoding needs; ITU-T T.81, annexes C and F. */
export interface HuffmanTable {
  /** By the next {@linkcode LOOKAHEAD} bits: `length << 8 | symbol`, or 0 if the code is longer. */
  readonly codes: Uint16Array;
  /**
   * By the next {@linkcode LOOKAHEAD} bits, if they hold a coefficient's code and its value:
   * `value << 8 | zeros before it << 4 | length of both`; else 0.
   */
  readonly coefficients: Int32Array;
  /** By length: the first 16 bits that are no longer a code of that length; the last is above all. */
  readonly ends: Int32Array;
  /** By length: what turns a code into the index of its symbol. */
  readonly deltas: Int32Array;
  readonly symbols: Uint8Array;
}

/**
 * Builds a table.
 *
 * @param counts How many codes there are of each length, 1 to 16 bits.
 * @param symbols Their symbols, in order of the codes.
 * @returns The table.
 * @throws {ImageError} `damaged` if there are more codes than fit.
 */
function huffmanTable(counts: ArrayLike<number>, symbols: ArrayLike<number>): HuffmanTable {
  const table = {
    codes: new Uint16Array(1 << LOOKAHEAD),
    coefficients: new Int32Array(1 << LOOKAHEAD),
    ends: new Int32Array(18),
    deltas: new Int32Array(17),
    symbols: Uint8Array.from({ length: 256 }, (_, i) => symbols[i] ?? 0),
  };
  let [code, index] = [0, 0];
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1]!;
    if (code + count > 1 << length || index + count > 256) {
      throw damagedJpeg(
        `a Huffman table has ${plural(count, "code")} of length ${length}, more than there can be`,
      );
    }
    table.deltas[length] = index - code;
    for (let i = 0; i < count && length <= LOOKAHEAD; i++) {
      const first = (code + i) << (LOOKAHEAD - length);
      const entry = (length << 8) | table.symbols[index + i]!;
      table.codes.fill(entry, first, first + (1 << (LOOKAHEAD - length)));
    }
    code += count;
    index += count;
    table.ends[length] = code << (16 - length);
    code <<= 1;
  }
  table.ends[17] = 1 << 17;
  fillCoefficients(table);
  return table;
}

function fillCoefficients({ codes, coefficients }: HuffmanTable): void {
  for (let i = 0; i < codes.length; i++) {
    const [length, zeros, size] = [codes[i]! >> 8, (codes[i]! >> 4) & 15, codes[i]! & 15];
    if (length === 0 || size === 0 || length + size > LOOKAHEAD) continue;
    const bits = (i >> (LOOKAHEAD - length - size)) & ((1 << size) - 1);
    const value = bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;
    coefficients[i] = (value << 8) | (zeros << 4) | (length + size);
  }
}

/** The tables of ITU-T T.81, K.3.3 to K.3.6, as they stand in a file: class and number, counts, symbols. */
const STANDARD = [
  "00" + "00010501010101010100000000000000" + "000102030405060708090a0b",
  "01" + "00030101010101010101010000000000" + "000102030405060708090a0b",
  "10" + "0002010303020403050504040000017d" +
  "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a" +
  "3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a929394" +
  "95969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8" +
  "e9eaf1f2f3f4f5f6f7f8f9fa",
  "11" + "00020102040403040705040400010277" +
  "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728" +
  "292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92" +
  "939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7" +
  "e8e9eaf2f3f4f5f6f7f8f9fa",
];

/** A table as it stands in a file. It is built when a scan uses it: a file can define a million. */
export class NumberedTable {
  /** Whether it is for all coefficients but the first. */
  readonly isAc: boolean;
  /** 0 to 3. */
  readonly number: number;
  readonly #counts: Uint8Array;
  readonly #symbols: Uint8Array;
  #table: HuffmanTable | undefined;

  /**
   * @param kind Of the table: 16 if it is for all coefficients but the first, plus its number.
   * @param counts As for `huffmanTable`.
   * @param symbols As for `huffmanTable`.
   */
  constructor(kind: number, counts: Uint8Array, symbols: Uint8Array) {
    this.isAc = kind >> 4 === 1;
    this.number = kind & 15;
    this.#counts = counts;
    this.#symbols = symbols;
  }

  /** @throws {ImageError} `damaged` if there are more codes than fit. */
  get table(): HuffmanTable {
    return this.#table ??= huffmanTable(this.#counts, this.#symbols);
  }
}

/**
 * Reads a DHT segment.
 *
 * @param content Without marker and length.
 * @returns Its tables.
 * @throws {ImageError} `damaged`
 */
export function readHuffmanTables(content: Uint8Array): NumberedTable[] {
  const tables: NumberedTable[] = [];
  let at = 0;
  while (at + 17 <= content.length) {
    const kind = content[at]!;
    const counts = content.subarray(at + 1, at + 17);
    const symbols = counts.reduce((sum, count) => sum + count, 0);
    if (kind >> 4 > 1 || (kind & 15) > 3 || symbols > 256 || at + 17 + symbols > content.length) {
      throw damagedJpeg("a segment of Huffman tables (DHT) is broken");
    }
    tables.push(new NumberedTable(kind, counts, content.subarray(at + 17, at + 17 + symbols)));
    at += 17 + symbols;
  }
  return tables;
}

let standard: NumberedTable[] | undefined;

/**
 * The table that a file without its own means, e.g. a frame of Motion JPEG.
 *
 * @param isAc Whether it is for all coefficients but the first.
 * @param number Of the table.
 * @returns The table; only 0 and 1 exist.
 */
export function standardTable(isAc: boolean, number: number): HuffmanTable | undefined {
  standard ??= readHuffmanTables(Uint8Array.fromHex(STANDARD.join("")));
  return standard.find((one) => one.isAc === isAc && one.number === number)?.table;
}
