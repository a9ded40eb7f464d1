import type { Pixels } from "../format.ts";
import type { Plane } from "./plane.ts";

/**
 * Is shown each step of a procedure, in order, as `imagebus inspect` draws them. A procedure calls it by `observe?.(…)`, so that
 * what is only computed for it costs nothing when nobody looks.
 *
 * @param step What the image is now, in one to three words: `"ink"`, `"stroke width"`. It is the title of the drawing.
 * @param image Pixels; or a plane of 0 to 1, black to white. It must not change afterwards.
 */
export type Observer = (step: string, image: Pixels | Plane) => void;

/**
 * Brings an image of any size into the form of a data set. An image that already is in the form is returned as it is.
 *
 * @param pixels Any decoded image.
 * @param observe Is shown each step.
 * @returns The image in the form, or the same image.
 */
export type Form = (pixels: Pixels, observe?: Observer) => Pixels;
