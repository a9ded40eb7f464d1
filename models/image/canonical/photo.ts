import type { Form } from "./form.ts";
import { type Plane, reduce, resample, sharpen, toPixels } from "./plane.ts";

/** Longer side of what is squeezed, in pixels. */
const WORKING_SIDE = 512;

/** Undoes what enlarging and the mean over areas blur; chosen on enlarged training images. */
const SHARPNESS = 0.3;

/**
 * An enlarged image has about the total variation of the small one: up to 1.4 times it, in JPEG of quality 75. A photograph has
 * details that are lost, and so at least 1.9 times that of what it is squeezed to.
 */
const MAX_VARIATION = 1.6;

/** Of the form, in pixels. */
const SIDE = 32;

/**
 * The form of CIFAR-10: the whole photograph squeezed to 32×32, whatever its shape, by the mean over areas. An image without
 * finer detail was enlarged, and is sharpened a little.
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
  const opaque = [red, green, blue].map((plane) => ({
    ...plane,
    data: plane.data.map((value, i) => value * alpha.data[i]!),
  }));
  const squeezed = opaque.map((plane) => resample(plane, box, SIDE, SIDE)) as [Plane, Plane, Plane];
  if (variation(opaque) > MAX_VARIATION * variation(squeezed)) return toPixels(squeezed);
  observe?.("squeezed", toPixels(squeezed));
  return toPixels(squeezed.map((plane) => sharpen(plane, SHARPNESS)) as typeof squeezed);
};

/** The total variation of an average row and of an average column, added up over the planes. */
function variation(planes: readonly Plane[]): number {
  return planes.reduce((sum, { width, height, data }) => {
    let [across, down] = [0, 0];
    data.forEach((value, i) => {
      if ((i + 1) % width > 0) across += Math.abs(data[i + 1]! - value);
      if (i + width < data.length) down += Math.abs(data[i + width]! - value);
    });
    return sum + across / height + down / width;
  }, 0);
}
