import { type DataSet, imageAt } from "../datasets/data_set.ts";
import { FormWriter, LEGACY_FORM } from "../datasets/form.ts";
import { loseAsJpeg } from "./jpeg_loss.ts";
import type { Random } from "../random.ts";

/** How training images are degraded, so that they look like what the model will be sent. */
export interface Degradation {
  /** Share of images with the artefacts of JPEG, 0 to 1. */
  readonly jpeg: number;
  /** Lowest JPEG quality, 1 to 95, on the scale of the Independent JPEG Group; the highest is 95. */
  readonly quality: number;
  /** Share of images that are reduced to 28×28 grey pixels, as the legacy system sent them, 0 to 1. */
  readonly grey: number;
}

const MAX_QUALITY = 95;

/** Degrades images of a data set. */
export class Degrader {
  readonly #data: DataSet;
  readonly #degradation: Degradation;
  readonly #toGrey = new FormWriter(LEGACY_FORM);
  readonly #back: FormWriter;
  readonly #grey = new Uint8Array(LEGACY_FORM.width * LEGACY_FORM.height);
  readonly #image: Uint8Array;

  /**
   * @param data Where the images are.
   * @param degradation How they are degraded.
   */
  constructor(data: DataSet, degradation: Degradation) {
    this.#data = data;
    this.#degradation = degradation;
    this.#back = new FormWriter(data);
    this.#image = new Uint8Array(data.width * data.height * data.channels);
  }

  /**
   * Degrades one image, or leaves it as it is.
   *
   * @param index From 0 to `count - 1`.
   * @param random Decides how.
   * @returns `height × width × channels` samples, in the form of the data; valid until the next call.
   */
  image(index: number, random: Random): Uint8Array {
    const { jpeg, quality, grey } = this.#degradation;
    const original = imageAt(this.#data, index);
    const isGrey = random.between(0, 1) < grey;
    const loss = random.between(0, 1) < jpeg
      ? { quality: random.integer(quality, MAX_QUALITY), halved: random.integer(0, 3) > 0 }
      : null;
    if (!isGrey && loss === null) return original;
    if (isGrey) this.#toGrey.write({ ...this.#data, data: original }, this.#grey);
    else this.#image.set(original);
    if (loss !== null) loseAsJpeg(isGrey ? this.#grey : this.#image, isGrey ? LEGACY_FORM : this.#data, loss);
    if (isGrey) this.#back.write({ ...LEGACY_FORM, data: this.#grey }, this.#image);
    return this.#image;
  }
}

/**
 * Degrades all images of a data set.
 *
 * @param data Any data set.
 * @param degradation How they are degraded.
 * @param random Decides it for each.
 * @returns Copies.
 */
export function degradeDataSet(data: DataSet, degradation: Degradation, random: Random): DataSet {
  const degrader = new Degrader(data, degradation);
  const size = data.width * data.height * data.channels;
  const pixels = new Uint8Array(data.count * size);
  for (let i = 0; i < data.count; i++) pixels.set(degrader.image(i, random), i * size);
  return { ...data, pixels };
}
