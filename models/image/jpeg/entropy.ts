import type { HuffmanTable } from "./huffman.ts";
import { LOOKAHEAD } from "./huffman.ts";
import { nextMarker, RST0, ZIGZAG } from "./segments.ts";

/** One unit of work can read on in zeros for as long as this: 10 blocks of 64 coefficients of 31 bits. */
const PADDING = 2_560;

/** Markers of restarts come in turn: 0 to 7. */
const RESTARTS = 8;

/**
 * The entropy-coded bits of one scan, read as libjpeg reads them: where data is missing before a marker there are zeros, and
 * at a restart the reader finds its way by the number of the restart marker (jdhuff.c, jdphuff.c, jdmarker.c).
 */
export class EntropyReader {
  /** Whether more bits were read than there were; the rest up to the next restart is left as it is. */
  exhausted = false;
  /** Whether the bits ended with the file, without a marker. */
  cutOff = false;
  readonly #bytes: Uint8Array;
  /** Bits up to the next marker, without stuffed zeros, and zeros behind. */
  readonly #data: Uint8Array;
  /** Where the data ends that is real. */
  #end = 0;
  /** Index of the marker (its second byte) that ended the data; the length of the file if there is none. */
  #marker = 0;
  #at = 0;
  #bits = 0;
  #count = 0;
  #restart = 0;
  /** Blocks still to come that are only zeros; progressive scans. */
  #zeroBlocks = 0;
  readonly #predictions = new Int32Array(4);

  /** @param bytes The file. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#data = new Uint8Array(bytes.length + PADDING);
  }

  /**
   * Begins a scan.
   *
   * @param offset Of its first byte.
   */
  begin(offset: number): void {
    this.#restart = 0;
    this.exhausted = false;
    this.#open(offset);
  }

  /** Where the next segment begins. */
  get next(): number {
    return this.#marker - 1;
  }

  /** To be called after each unit of blocks. */
  endUnit(): void {
    if (8 * this.#at - this.#count <= 8 * this.#end) return;
    this.exhausted = true;
    this.cutOff ||= this.#marker >= this.#bytes.length;
  }

  /** Goes on behind the next restart marker. */
  restart(): void {
    const wanted = this.#restart;
    this.#restart = (wanted + 1) % RESTARTS;
    const at = this.#findRestart(wanted);
    if (at === undefined) {
      this.#predictions.fill(0);
      this.#zeroBlocks = 0;
      // Between here and the marker that stays there is nothing to be read.
      [this.#bits, this.#count, this.#at, this.#end] = [0, 0, 0, 0];
      this.#data.fill(0, 0, PADDING);
      return;
    }
    this.exhausted = false;
    this.#open(at);
  }

  /**
   * Reads one block of a sequential scan.
   *
   * @param block 64 zeros, from `to`, that become coefficients in rows.
   * @param to Index of the first.
   * @param component Index of the component in its scan.
   * @param dc Table of the first coefficient.
   * @param ac Table of the others.
   * @returns The last coefficient that is not zero, in zigzag order.
   */
  block(block: Int16Array, to: number, component: number, dc: HuffmanTable, ac: HuffmanTable): number {
    block[to] = this.#difference(component, dc);
    const data = this.#data;
    let [at, bits, count] = [this.#at, this.#bits, this.#count];
    let last = 0;
    for (let k = 1; k < 64; k++) {
      while (count <= 24) {
        bits |= data[at++]! << (24 - count);
        count += 8;
      }
      const fast = ac.coefficients[bits >>> (32 - LOOKAHEAD)]!;
      if (fast !== 0) {
        k += (fast >> 4) & 15;
        block[to + ZIGZAG[k]!] = fast >> 8;
        last = k;
        bits <<= fast & 15;
        count -= fast & 15;
        continue;
      }
      const code = ac.codes[bits >>> (32 - LOOKAHEAD)] || longCode(ac, bits);
      bits <<= code >> 8;
      count -= code >> 8;
      const size = code & 15;
      const zeros = (code >> 4) & 15;
      if (size === 0) {
        if (zeros !== 15) break;
        k += 15;
        continue;
      }
      while (count <= 24) {
        bits |= data[at++]! << (24 - count);
        count += 8;
      }
      k += zeros;
      const value = bits >>> (32 - size);
      block[to + ZIGZAG[k]!] = bits < 0 ? value : value - (1 << size) + 1;
      last = k;
      bits <<= size;
      count -= size;
    }
    this.#at = at;
    this.#bits = bits;
    this.#count = count;
    return last;
  }

  /** Progressive: the first coefficient of a block, but for its `low` last bits. */
  firstDc(block: Int16Array, to: number, component: number, dc: HuffmanTable, low: number): void {
    block[to] = this.#difference(component, dc) << low;
  }

  /** Progressive: one more bit of the first coefficient. */
  refineDc(block: Int16Array, to: number, low: number): void {
    if (this.#receive(1)) block[to]! |= 1 << low;
  }

  /** Progressive: the coefficients from `first` to `last`, but for their `low` last bits. */
  firstAc(block: Int16Array, to: number, ac: HuffmanTable, first: number, last: number, low: number): void {
    if (this.#zeroBlocks > 0) {
      this.#zeroBlocks--;
      return;
    }
    for (let k = first; k <= last; k++) {
      const symbol = this.#symbol(ac);
      const zeros = symbol >> 4;
      const size = symbol & 15;
      if (size !== 0) {
        k += zeros;
        block[to + ZIGZAG[k]!] = extend(this.#receive(size), size) << low;
      } else if (zeros === 15) {
        k += 15;
      } else {
        this.#zeroBlocks = (1 << zeros) + this.#receive(zeros) - 1;
        return;
      }
    }
  }

  /** Progressive: one more bit of the coefficients from `first` to `last`. */
  refineAc(block: Int16Array, to: number, ac: HuffmanTable, first: number, last: number, low: number): void {
    const bit = 1 << low;
    let k = first;
    if (this.#zeroBlocks === 0) {
      for (; k <= last; k++) {
        const symbol = this.#symbol(ac);
        let zeros = symbol >> 4;
        let value = 0;
        if (symbol & 15) value = this.#receive(1) ? bit : -bit;
        else if (zeros !== 15) {
          this.#zeroBlocks = (1 << zeros) + this.#receive(zeros);
          break;
        }
        for (; k <= last; k++) {
          const i = to + ZIGZAG[k]!;
          if (block[i] !== 0) this.#refine(block, i, bit);
          else if (--zeros < 0) break;
        }
        if (value !== 0) block[to + ZIGZAG[k]!] = value;
      }
    }
    if (this.#zeroBlocks === 0) return;
    for (; k <= last; k++) {
      const i = to + ZIGZAG[k]!;
      if (block[i] !== 0) this.#refine(block, i, bit);
    }
    this.#zeroBlocks--;
  }

  #refine(block: Int16Array, i: number, bit: number): void {
    const value = block[i]!;
    if (this.#receive(1) && (value & bit) === 0) block[i] = value + (value < 0 ? -bit : bit);
  }

  #difference(component: number, dc: HuffmanTable): number {
    const size = this.#symbol(dc) & 15;
    return this.#predictions[component]! += size === 0 ? 0 : extend(this.#receive(size), size);
  }

  #symbol(table: HuffmanTable): number {
    this.#fill();
    const code = table.codes[this.#bits >>> (32 - LOOKAHEAD)] || longCode(table, this.#bits);
    this.#bits <<= code >> 8;
    this.#count -= code >> 8;
    return code & 255;
  }

  /** The next bits as a number; at most 16. */
  #receive(size: number): number {
    if (size === 0) return 0;
    this.#fill();
    const value = this.#bits >>> (32 - size);
    this.#bits <<= size;
    this.#count -= size;
    return value;
  }

  #fill(): void {
    while (this.#count <= 24) {
      this.#bits |= this.#data[this.#at++]! << (24 - this.#count);
      this.#count += 8;
    }
  }

  /** Copies the bits up to the next marker, without the zeros that are stuffed behind each 0xff. */
  #open(offset: number): void {
    const bytes = this.#bytes;
    let [from, end] = [offset, 0];
    this.#marker = bytes.length;
    while (from < bytes.length) {
      const at = bytes.indexOf(0xff, from);
      const stop = at === -1 ? bytes.length : at;
      this.#data.set(bytes.subarray(from, stop), end);
      end += stop - from;
      from = stop;
      while (bytes[from] === 0xff) from++;
      if (bytes[from] !== 0) {
        this.#marker = from;
        break;
      }
      this.#data[end++] = 0xff;
      from++;
    }
    this.#data.fill(0, end, end + PADDING);
    [this.#end, this.#at, this.#bits, this.#count, this.#zeroBlocks] = [end, 0, 0, 0, 0];
    this.#predictions.fill(0);
  }

  /** The recovery of jpeg_resync_to_restart: where to go on, or `undefined` to stay before the marker. */
  #findRestart(wanted: number): number | undefined {
    let at = this.#marker;
    while (at !== -1 && at < this.#bytes.length) {
      const distance = (this.#bytes[at]! - RST0 - wanted + 2 * RESTARTS) % RESTARTS;
      const marker = this.#bytes[at]!;
      const isRestart = marker >= RST0 && marker < RST0 + RESTARTS;
      this.#marker = at;
      if (marker >= 0xc0 && !isRestart) return undefined;
      if (isRestart && distance === 0) return at + 1;
      if (isRestart && distance <= 2) return undefined;
      if (isRestart && distance < RESTARTS - 2) return at + 1;
      at = nextMarker(this.#bytes, at + 1);
    }
    this.#marker = this.#bytes.length;
    return undefined;
  }
}

/** `length << 8 | symbol`; a code that the table has not is read as zero, of 17 bits. */
function longCode({ ends, deltas, symbols }: HuffmanTable, bits: number): number {
  const code = bits >>> 16;
  let length = LOOKAHEAD + 1;
  while (code >= ends[length]!) length++;
  if (length > 16) return 17 << 8;
  return (length << 8) | symbols[((code >> (16 - length)) + deltas[length]!) & 255]!;
}

function extend(value: number, size: number): number {
  return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
}
