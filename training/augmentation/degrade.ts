import { type DataSet, imageAt } from "../datasets/data_set.ts";
import { FormWriter, SEED_FORM } from "../datasets/form.ts";
import { loseAsJpeg } from "./jpeg_loss.ts";
import type { Random } from "../random.ts";

/** What pictures have been through before they are sent, so that the model has seen such too. */
export interface Wear {
  /** Share of pictures that were stored as JPEG. */
  readonly jpeg: number;
  /** The lowest quality of these, 1 to 95, on the scale of the Independent JPEG Group; the highest is 95. */
  readonly quality: number;
  /** Share of pictures that were brought down to 28×28 pixels and made grey, as the system before this one sent them. */
  readonly grey: number;
}

const HIGHEST_QUALITY = 95;

/** Gives pictures of a data set as they look after some wear. */
export class Wearer {
  readonly #data: DataSet;
  readonly #wear: Wear;
  readonly #toGrey = new FormWriter(SEED_FORM);
  readonly #back: FormWriter;
  readonly #grey = new Uint8Array(SEED_FORM.width * SEED_FORM.height);
  readonly #picture: Uint8Array;

  /**
   * @param data Where the pictures are.
   * @param wear What they go through.
   */
  constructor(data: DataSet, wear: Wear) {
    this.#data = data;
    this.#wear = wear;
    this.#back = new FormWriter(data);
    this.#picture = new Uint8Array(data.width * data.height * data.channels);
  }

  /**
   * Wears one picture.
   *
   * @param index Which one.
   * @param random Decides what it went through.
   * @returns `height × width × channels` samples, in the form of the data; good until the next call.
   */
  image(index: number, random: Random): Uint8Array {
    const { jpeg, quality, grey } = this.#wear;
    const original = imageAt(this.#data, index);
    const isGrey = random.between(0, 1) < grey;
    const loss = random.between(0, 1) < jpeg
      ? { quality: random.integer(quality, HIGHEST_QUALITY), halved: random.integer(0, 1) === 1 }
      : null;
    if (!isGrey && loss === null) return original;
    if (isGrey) this.#toGrey.write({ ...this.#data, data: original }, this.#grey);
    else this.#picture.set(original);
    if (loss !== null) loseAsJpeg(isGrey ? this.#grey : this.#picture, isGrey ? SEED_FORM : this.#data, loss);
    if (isGrey) this.#back.write({ ...SEED_FORM, data: this.#grey }, this.#picture);
    return this.#picture;
  }
}

/**
 * Wears all pictures of a data set.
 *
 * @param data Any data set.
 * @param wear What they go through.
 * @param random Decides it for each.
 * @returns Copies.
 */
export function wearDataSet(data: DataSet, wear: Wear, random: Random): DataSet {
  const wearer = new Wearer(data, wear);
  const size = data.width * data.height * data.channels;
  const pixels = new Uint8Array(data.count * size);
  for (let i = 0; i < data.count; i++) pixels.set(wearer.image(i, random), i * size);
  return { ...data, pixels };
}
