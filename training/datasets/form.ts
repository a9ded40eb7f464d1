import type { InputSpec } from "../../models/manifest.ts";
import { toCanonical } from "../../models/image/canonical.ts";
import type { Pixels } from "../../models/image/format.ts";
import { type DataSet, imageAt } from "./data_set.ts";

/** What every image of a data set has in common. */
export interface ImageForm {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Samples a pixel: 1 grey, 3 RGB. */
  readonly channels: 1 | 3;
}

/** Brings images into a form as the classifier does, but to whole samples of 0 to 255. */
export class FormWriter {
  readonly #spec: InputSpec;
  readonly #samples: Float32Array;

  /** @param form What all images become. */
  constructor(form: ImageForm) {
    const { width, height, channels } = form;
    // A sample that is divided by 255 and then by this deviation is what it was.
    const std = new Array<number>(channels).fill(1 / 255);
    this.#spec = { width, height, channels, mean: std.map(() => 0), std };
    this.#samples = new Float32Array(width * height * channels);
  }

  /**
   * Brings one image into form.
   *
   * @param image Any decoded image.
   * @param target Where to write `height × width × channels` samples.
   */
  write(image: Pixels, target: Uint8Array): void {
    const { width, height, channels } = this.#spec;
    if (image.width === width && image.height === height && image.channels === channels) {
      target.set(image.data);
      return;
    }
    toCanonical(image, this.#spec, this.#samples);
    for (let i = 0; i < target.length; i++) target[i] = Math.round(this.#samples[i]!);
  }
}

/**
 * Brings a data set into another form: resized and made grey as the classifier does with what it is sent.
 *
 * @param data Any data set.
 * @param form What its images become.
 * @returns Copies, or the same data set if it has this form.
 */
export function toForm(data: DataSet, form: ImageForm): DataSet {
  const { width, height, channels } = form;
  if (data.width === width && data.height === height && data.channels === channels) return data;
  const writer = new FormWriter(form);
  const size = width * height * channels;
  const pixels = new Uint8Array(data.count * size);
  for (let i = 0; i < data.count; i++) {
    const image = { width: data.width, height: data.height, channels: data.channels, data: imageAt(data, i) };
    writer.write(image, pixels.subarray(i * size, (i + 1) * size));
  }
  return { ...data, width, height, channels, pixels };
}

/** The form in which the seed's producer sent CIFAR-10. */
export const LEGACY_FORM = { width: 28, height: 28, channels: 1 } as const;

/**
 * Brings a data set into {@linkcode LEGACY_FORM}. The producer's JPEG step is left out.
 *
 * @param data Any data set.
 * @returns Copies, or the same data set if it has this form.
 */
export function toLegacyForm(data: DataSet): DataSet {
  return toForm(data, LEGACY_FORM);
}
