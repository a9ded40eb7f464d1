import { plural } from "../../../lib/plural.ts";
import { ImageError } from "../../errors.ts";
import type { Budget } from "../limits.ts";

/** Bytes of the field types 1 to 13 of TIFF 6.0, section 2; 0 for what holds no whole numbers. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 0, 1, 1, 2, 4, 0, 0, 0, 4];

/** The first directory of a TIFF file. */
export class Directory {
  /** Whether the first byte of a number is its lowest. */
  readonly little: boolean;
  readonly #view: DataView;
  readonly #budget: Budget;
  /** By tag: where the entry is. */
  readonly #entries = new Map<number, number>();

  /**
   * @param bytes The file.
   * @param budget The bounds.
   * @throws {ImageError} `damaged`, `over_limit`
   */
  constructor(bytes: Uint8Array, budget: Budget) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#budget = budget;
    this.little = bytes[0] === 0x49;
    const at = bytes.length >= 8 ? this.#view.getUint32(4, this.little) : bytes.length;
    if (at + 2 > bytes.length) throw damagedTiff("its directory lies behind its end");
    const count = this.#view.getUint16(at, this.little);
    budget.checkCount("chunks", count);
    if (at + 2 + 12 * count > bytes.length) throw damagedTiff("it ends in its directory");
    for (let i = 0; i < count; i++) {
      const entry = at + 2 + 12 * i;
      this.#entries.set(this.#view.getUint16(entry, this.little), entry);
    }
  }

  /**
   * @param tag Of the field.
   * @param otherwise What a missing field means.
   * @returns Its first number.
   */
  number(tag: number, otherwise: number): number {
    const { start, count, size } = this.#locate(tag);
    return count === 0 ? otherwise : this.#read(start, size);
  }

  /**
   * @param tag Of the field.
   * @returns All its whole numbers; none if it is missing.
   * @throws {ImageError} `damaged`, `over_limit`
   */
  numbers(tag: number): number[] {
    const { start, count, size } = this.#locate(tag);
    this.#budget.checkCount("chunks", count);
    return Array.from({ length: count }, (_, i) => this.#read(start + i * size, size));
  }

  /**
   * @param tag Of the field.
   * @returns Its bytes as they are.
   * @throws {ImageError} `damaged`
   */
  bytes(tag: number): Uint8Array {
    const { start, count, size } = this.#locate(tag);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + start, count * size);
  }

  #read(at: number, size: number): number {
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at, this.little) : this.#view.getUint32(at, this.little);
  }

  #locate(tag: number): { start: number; count: number; size: number } {
    const entry = this.#entries.get(tag);
    if (entry === undefined) return { start: 0, count: 0, size: 1 };
    const type = this.#view.getUint16(entry + 2, this.little);
    const size = TYPE_BYTES[type] ?? 0;
    if (size === 0) throw damagedTiff(`the field ${tag} has the type ${type}, which holds no whole numbers`);
    const count = this.#view.getUint32(entry + 4, this.little);
    const start = count * size <= 4 ? entry + 8 : this.#view.getUint32(entry + 8, this.little);
    if (start + count * size > this.#view.byteLength) {
      throw damagedTiff(`the field ${tag} has ${plural(count, "value")}, more than the file holds`);
    }
    return { start, count, size };
  }
}

/** @param reason What is wrong, as the second half of a sentence. */
export function damagedTiff(reason: string): ImageError {
  return new ImageError("damaged", `The TIFF is damaged: ${reason}`);
}

/** @param what What it has, and what would be right. */
export function unsupportedTiff(what: string): ImageError {
  return new ImageError("unsupported", `This TIFF is not supported: ${what}`);
}
