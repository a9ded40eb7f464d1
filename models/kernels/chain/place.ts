import type { Address } from "../memory.ts";
import type { Frame, ImageShape } from "./operation.ts";

/** Where images lie in memory, one after the other, each with zeros around it. */
export interface Place {
  /** Of the first number of the first frame. */
  readonly address: Address;
  readonly shape: ImageShape;
  readonly frame: Frame;
  /** Whether its numbers are bytes; else float32. */
  readonly isBytes: boolean;
}

/** No zeros around an image. */
export const NO_FRAME: Frame = { top: 0, left: 0, bottom: 0, right: 0 };

/** Numbers from one row to the next. */
export function rowStride(
  { shape: [, width, channels], frame: { left, right } }: Omit<Place, "address">,
): number {
  return (left + width + right) * channels;
}

/** Numbers from one image to the next. */
export function imageStride(place: Omit<Place, "address">): number {
  return (place.frame.top + place.shape[0] + place.frame.bottom) * rowStride(place);
}

/** Address of the first pixel inside of the frame. */
export function firstPixel(place: Place): Address {
  return place.address +
    (place.isBytes ? 1 : 4) * (place.frame.top * rowStride(place) + place.frame.left * place.shape[2]);
}
