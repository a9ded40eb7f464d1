/**
 * The codes of fax machines: ITU-T T.4 (groups 3, one and two dimensions) and T.6 (group 4), as TIFF holds them.
 *
 * @module
 */
import { damagedTiff } from "./directory.ts";

/** Codes of the runs 0 to 63, then of 64 to 1,728 in steps of 64; T.4, tables 2 and 3. */
const WHITE =
  "00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010 " +
  "101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010 " +
  "00000011 00011010 00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001 " +
  "00101010 00101011 00101100 00101101 00000100 00000101 00001010 00001011 01010010 01010011 01010100 " +
  "01010101 00100100 00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 00110011 " +
  "00110100 11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 " +
  "011001101 011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001 011011010 " +
  "011011011 010011000 010011001 010011010 011000 010011011";
const BLACK =
  "0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000 " +
  "0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 00000010111 " +
  "00000011000 000011001010 000011001011 000011001100 000011001101 000001101000 000001101001 000001101010 " +
  "000001101011 000011010010 000011010011 000011010100 000011010101 000011010110 000011010111 000001101100 " +
  "000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111 000001100100 " +
  "000001100101 000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000 " +
  "000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111 0000001111 " +
  "000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 0000001101101 " +
  "0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100 " +
  "0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 0000001010101 " +
  "0000001011010 0000001011011 0000001100100 0000001100101";
/** Codes of the runs 1,792 to 2,560 in steps of 64, of both colours. */
const LONG =
  "00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110 " +
  "000000010111 000000011100 000000011101 000000011110 000000011111";

/** No code is longer. */
const MAX_BITS = 13;

/** Modes of two dimensions: pass, horizontal, and vertical by -3 to 3; T.4, table 4. */
const [PASS, HORIZONTAL, VERTICAL] = [0, 1, 5];
const MODES = "0001 001 0000010 000010 010 1 011 000011 0000011";

/** By the next 13 bits: `number of the code << 4 | its length`, or 0. */
function lookup(codes: string): Uint16Array {
  const table = new Uint16Array(1 << MAX_BITS);
  for (const [i, code] of codes.split(" ").entries()) {
    const first = parseInt(code, 2) << (MAX_BITS - code.length);
    table.fill((i << 4) | code.length, first, first + (1 << (MAX_BITS - code.length)));
  }
  return table;
}

const RUNS = [lookup(`${WHITE} ${LONG}`), lookup(`${BLACK} ${LONG}`)] as const;
const MODE_TABLE = lookup(MODES);

/** How the rows are coded. */
export interface FaxForm {
  /** 2: one dimension, rows begin at bytes; 3: with end-of-line codes; 4: two dimensions. */
  readonly compression: 2 | 3 | 4;
  /** Group 3: whether each row declares its dimensions. */
  readonly twoDimensions: boolean;
  /** In pixels. */
  readonly width: number;
}

/**
 * Unpacks a strip.
 *
 * @param packed Highest bit first.
 * @param target Rows of 1 bit per pixel, padded to bytes, all 0; black becomes 1.
 * @param form How it is coded.
 * @throws {ImageError} `damaged`
 */
export function unpackFax(packed: Uint8Array, target: Uint8Array, form: FaxForm): void {
  const { compression, width } = form;
  const stride = Math.ceil(width / 8);
  const reader = new FaxReader(packed, width);
  // Where the colour changes in the row above, and in this one.
  let above = new Int32Array(width + 4).fill(width);
  let row = above.slice();
  for (let start = 0; start < target.length; start += stride) {
    if (compression === 2) reader.align();
    else if (compression === 3) reader.skipEndOfLine();
    const isFlat = compression === 2 || (compression === 3 && !(form.twoDimensions && reader.bit() === 0));
    const changes = isFlat ? reader.oneDimension(row) : reader.twoDimensions(row, above);
    row.fill(width, changes);
    for (let i = 0; row[i]! < width; i += 2) setBits(target, start, row[i]!, row[i + 1]!);
    [above, row] = [row, above];
  }
}

function setBits(target: Uint8Array, start: number, from: number, to: number): void {
  for (let x = from; x < to; x++) {
    if ((x & 7) === 0 && x + 8 <= to) {
      target[start + (x >> 3)] = 255;
      x += 7;
    } else target[start + (x >> 3)]! |= 128 >> (x & 7);
  }
}

class FaxReader {
  readonly #bytes: Uint8Array;
  readonly #width: number;
  /** In bits. */
  #at = 0;

  constructor(bytes: Uint8Array, width: number) {
    this.#bytes = bytes;
    this.#width = width;
  }

  align(): void {
    this.#at = Math.ceil(this.#at / 8) * 8;
  }

  bit(): number {
    return this.#read(1);
  }

  /** Eleven zeros or more, and a one. */
  skipEndOfLine(): void {
    const start = this.#at;
    let zeros = 0;
    while (this.#peek(1) === 0 && this.#at < 8 * this.#bytes.length) {
      [this.#at, zeros] = [this.#at + 1, zeros + 1];
    }
    if (zeros >= 11) this.#at++;
    else this.#at = start;
  }

  /** @returns How many changes the row has; fewer than the array holds. */
  oneDimension(row: Int32Array): number {
    let [x, changes] = [0, 0];
    for (let colour: 0 | 1 = 0; x < this.#width; colour = colour ? 0 : 1) {
      x = Math.min(this.#width, x + this.#run(colour));
      changes = put(row, changes, x);
    }
    return changes;
  }

  /** T.6, 2.2: by the changes of the row above. */
  twoDimensions(row: Int32Array, above: Int32Array): number {
    const width = this.#width;
    let [x, changes, b, isStart] = [0, 0, 0, true];
    let colour: 0 | 1 = 0;
    while (x < width) {
      // The first change above, to the right, to the other colour.
      while (b > 0 && above[b - 1]! > x) b--;
      while (above[b]! < width && ((above[b]! <= x && !(isStart && above[b] === 0)) || (b & 1) !== colour)) {
        b++;
      }
      const mode = this.#code(MODE_TABLE, "mode");
      if (mode === PASS) x = Math.min(width, above[b] === width ? width : above[b + 1]!);
      else if (mode === HORIZONTAL) {
        for (let i = 0; i < 2; i++, colour = colour ? 0 : 1) {
          x = Math.min(width, x + this.#run(colour));
          changes = put(row, changes, x);
        }
      } else {
        const to = above[b]! + mode - VERTICAL;
        if (to < x) throw damagedTiff("its fax data goes back in a row");
        x = Math.min(width, to);
        changes = put(row, changes, x);
        colour = colour ? 0 : 1;
      }
      isStart = false;
    }
    return changes;
  }

  /** The length of a run: codes of 64 and more are followed by one below 64. */
  #run(colour: 0 | 1): number {
    let length = 0;
    while (true) {
      const code = this.#code(RUNS[colour], "run");
      if (code < 64) return length + code;
      length += (code - 63) * 64;
      if (length > 2 * this.#width + 2_560) throw damagedTiff("its fax data has a run longer than a row");
    }
  }

  #code(table: Uint16Array, what: string): number {
    const entry = table[this.#peek(MAX_BITS)]!;
    if (entry === 0 || this.#at >= 8 * this.#bytes.length) {
      throw damagedTiff(`its fax data has no ${what} at bit ${this.#at} of ${8 * this.#bytes.length}`);
    }
    this.#at += entry & 15;
    return entry >> 4;
  }

  #read(count: number): number {
    const value = this.#peek(count);
    this.#at += count;
    return value;
  }

  /** Zeros behind the end. */
  #peek(count: number): number {
    const byte = this.#at >> 3;
    const bytes = this.#bytes;
    const value = ((bytes[byte] ?? 0) << 16) | ((bytes[byte + 1] ?? 0) << 8) | (bytes[byte + 2] ?? 0);
    return (value >> (24 - count - (this.#at & 7))) & ((1 << count) - 1);
  }
}

/** A run of no pixels is a change, too: changes of even and odd number are to black and to white. */
function put(row: Int32Array, changes: number, x: number): number {
  if (changes >= row.length - 2) throw damagedTiff("its fax data has more changes in a row than pixels");
  row[changes] = x;
  return changes + 1;
}
