import type { Form } from "./form.ts";
import { type Plane, reduce, resample, sharpen, toPixels } from "./plane.ts";

/** Longer side of what is squeezed, in pixels. */
const WORKING_SIDE = 512;

/** Makes good for what the mean over areas blurs; chosen on the development photographs and on enlarged training images. */
const SHARPNESS = 0.3;

/** Of the form, in pixels. */
const SIDE = 32;

/**
 * The form of CIFAR-10: the whole photograph squeezed to 32×32, whatever its shape, by the mean over areas, and sharpened a
 * little.
 *
 * @param pixels Any photograph.
 * @param observe Is shown each step.
 * @returns 32×32 RGB; the same image if it is not larger than that.
 */
export const photo: Form = (pixels, observe) => {
  if (pixels.width <= SIDE || pixels.height <= SIDE) return pixels;
  const [red, green, blue, alpha] = reduce(pixels, WORKING_SIDE);
  const { width, height } = red;
  const box = { left: 0, top: 0, width, height };
  const squeezed = [red, green, blue].map((plane) => {
    const data = plane.data.map((value, i) => value * alpha.data[i]!);
    return resample({ ...plane, data }, box, SIDE, SIDE);
  }) as [Plane, Plane, Plane];
  observe?.("squeezed", toPixels(squeezed));
  return toPixels(squeezed.map((plane) => sharpen(plane, SHARPNESS)) as typeof squeezed);
};
