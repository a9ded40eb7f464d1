import type { Pixels } from "../format.ts";
import type { Plane } from "./plane.ts";

/** Shows a step of a procedure to whoever looks; planes hold 0 to 1. */
export type Observer = (step: string, plane: Plane) => void;

/**
 * Brings an image of any size into the form of a data set. An image that already is in the form is returned as it is.
 *
 * @param pixels Any decoded image.
 * @param observe Is shown each step.
 * @returns The image in the form, or the same image.
 */
export type Form = (pixels: Pixels, observe?: Observer) => Pixels;
