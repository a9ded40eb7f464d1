import type { InputSpec } from "../../models/manifest.ts";
import { toCanonical } from "../../models/image/canonical.ts";
import type { FormName } from "../../models/image/canonical/forms.ts";
import type { Pixels } from "../../models/image/format.ts";
import { type DataSet, imageAt, type ImageForm } from "./data_set.ts";

/** Converts images to a form as the classifier does, but to integer samples of 0 to 255. */
export class FormWriter {
  readonly #spec: InputSpec;
  readonly #samples: Float32Array;

  /**
   * @param form What images are converted to.
   * @param procedure Of the manifest's `input.form`. @default plain resizing
   */
  constructor({ width, height, channels }: ImageForm, procedure?: FormName) {
    // With this deviation, samples are standardised to their original values.
    const std = new Array<number>(channels).fill(1 / 255);
    const form = procedure === undefined ? {} : { form: procedure };
    this.#spec = { width, height, channels, mean: std.map(() => 0), std, ...form };
    this.#samples = new Float32Array(width * height * channels);
  }

  /**
   * Converts one image.
   *
   * @param image Any decoded image.
   * @param target Receives `height × width × channels` samples.
   */
  write(image: Pixels, target: Uint8Array): void {
    const { width, height, channels, form } = this.#spec;
    if (
      form === undefined && image.width === width && image.height === height && image.channels === channels
    ) {
      target.set(image.data);
      return;
    }
    toCanonical(image, this.#spec, this.#samples);
    for (let i = 0; i < target.length; i++) target[i] = Math.round(this.#samples[i]!);
  }
}

/**
 * Converts a data set to another form, resized and in grey or RGB as the classifier converts images.
 *
 * @param data Any data set.
 * @param form What its images are converted to.
 * @returns Copies, or the same data set if it already has this form.
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

/** The form in which the legacy producer sent CIFAR-10. */
export const LEGACY_FORM = { width: 28, height: 28, channels: 1 } as const;

/**
 * Converts a data set to {@linkcode LEGACY_FORM}, without the JPEG compression of the legacy producer.
 *
 * @param data Any data set.
 * @returns Copies, or the same data set if it already has this form.
 */
export function toLegacyForm(data: DataSet): DataSet {
  return toForm(data, LEGACY_FORM);
}
