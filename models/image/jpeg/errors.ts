import { ImageError } from "../../errors.ts";

/** @param reason What is wrong, as the second half of a sentence. */
export function damagedJpeg(reason: string): ImageError {
  return new ImageError("damaged", `The JPEG is damaged: ${reason}`);
}

/** @param what What it has, and what would be right. */
export function unsupportedJpeg(what: string): ImageError {
  return new ImageError("unsupported", `This JPEG is not supported: ${what}`);
}
