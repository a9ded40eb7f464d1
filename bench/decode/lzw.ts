/** The two ways of LZW that images use. */
export interface LzwForm {
  /** Bits of a literal: 8 for TIFF, those of the palette for GIF. */
  readonly bits: number;
  /** TIFF: the highest bit comes first, and codes grow one code earlier. */
  readonly tiff: boolean;
}

/** Codes have at most 12 bits. */
const MAX_CODES = 4096;

/**
 * Compresses by LZW; GIF89a, appendix F, and TIFF 6.0, section 13.
 *
 * @param data Literals.
 * @param form Which of the two ways.
 */
export function packLzw(data: Uint8Array, { bits, tiff }: LzwForm): Uint8Array {
  const clear = 1 << bits;
  const writer = new BitWriter(data.length, tiff);
  // By code and literal: the code of both together.
  const longer = new Uint16Array(MAX_CODES << bits);
  let [size, next] = [bits + 1, clear + 2];
  let code = -1;
  writer.write(clear, size);
  for (const literal of data) {
    const known = code < 0 ? literal + 1 : longer[(code << bits) | literal]!;
    if (known > 0) {
      code = known - 1;
      continue;
    }
    writer.write(code, size);
    longer[(code << bits) | literal] = ++next;
    if (next - 1 === (1 << size) - (tiff ? 1 : 0)) size++;
    if (next >= MAX_CODES - 1) {
      writer.write(clear, Math.min(size, 12));
      longer.fill(0);
      [size, next] = [bits + 1, clear + 2];
    }
    code = literal;
  }
  writer.write(code, size);
  writer.write(clear + 1, size);
  return writer.end();
}

class BitWriter {
  readonly #bytes: Uint8Array;
  readonly #highFirst: boolean;
  #bits = 0;
  #count = 0;
  #length = 0;

  constructor(literals: number, highFirst: boolean) {
    this.#bytes = new Uint8Array(2 * literals + 16);
    this.#highFirst = highFirst;
  }

  write(code: number, size: number): void {
    this.#bits = this.#highFirst ? (this.#bits << size) | code : this.#bits | (code << this.#count);
    for (this.#count += size; this.#count >= 8; this.#count -= 8) {
      this.#bytes[this.#length++] = this.#highFirst ? this.#bits >> (this.#count - 8) : this.#bits;
      if (!this.#highFirst) this.#bits >>>= 8;
    }
    if (this.#highFirst) this.#bits &= 0xff;
  }

  end(): Uint8Array {
    if (this.#count > 0) this.write(0, 8 - this.#count);
    return this.#bytes.subarray(0, this.#length);
  }
}
