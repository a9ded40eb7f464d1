import { encodePng } from "../../models/image/encode_png.ts";
import type { Pixels } from "../../models/image/format.ts";
import { upright } from "../../models/image/orientation.ts";
import { encodeBmp } from "../../testing/encoders/bmp.ts";
import { encodeJpeg, withOrientation } from "../../testing/encoders/jpeg.ts";
import { encodeTiff } from "../../testing/encoders/tiff.ts";
import { encodeWebp } from "../../testing/encoders/webp.ts";
import { BLACK, type Colour, invert, paste, resize, tint, WHITE } from "../../testing/scenes.ts";

/** A way in which people send an image: the file, of the image and its number. */
export type Variant = (image: Pixels, i: number) => Uint8Array;

const GROUNDS: readonly Colour[] = [
  [200, 60, 40],
  [40, 90, 200],
  [30, 120, 60],
  [240, 210, 90],
  [150, 150, 150],
];

const ground = (i: number) => GROUNDS[i % GROUNDS.length]!;

/** File formats. PNG comes first: the others are compared with it. */
const FORMATS: Record<string, Variant> = {
  "PNG, as stored": encodePng,
  "BMP": encodeBmp,
  "TIFF": encodeTiff,
  "WebP, lossless": (image) => encodeWebp(image, { lossless: 1, exact: 1 }),
  "WebP of quality 80": (image) => encodeWebp(image, { quality: 80 }),
  "JPEG of quality 95": (image) => encodeJpeg(image, 95),
  "JPEG of quality 75": (image) => encodeJpeg(image, 75),
  "JPEG of quality 95, turned by EXIF": turned,
};

/** For grey images, which are light on black. */
const GREY: Record<string, Variant> = {
  "enlarged tenfold": (image) => encodePng(tenfold(image)),
  "inverted": (image) => encodePng(invert(image)),
  "inverted, enlarged tenfold": (image) => encodePng(tenfold(invert(image))),
  "inverted, off centre on white": (image, i) => encodePng(offCentre(invert(image), i, WHITE)),
  "light on a colour, off centre": (image, i) =>
    encodePng(offCentre(tint(image, ground(i), WHITE), i, ground(i))),
  "dark on a colour, off centre": (image, i) =>
    encodePng(offCentre(tint(image, ground(i), BLACK), i, ground(i))),
  "the same, enlarged, JPEG of quality 75": (image, i) =>
    encodeJpeg(tenfold(offCentre(tint(image, ground(i), BLACK), i, ground(i)), 5), 75),
};

const COLOUR: Record<string, Variant> = {
  "at 64×64": (image) => encodePng(resize(image, 64)),
  "at 256×256": (image) => encodePng(resize(image, 256)),
};

/**
 * @param channels Of the data set: 1 is grey, 3 is RGB.
 * @returns The variants for its images, by their titles.
 */
export function variantsFor(channels: 1 | 3): Readonly<Record<string, Variant>> {
  return { ...FORMATS, ...channels === 1 ? GREY : COLOUR };
}

function tenfold(image: Pixels, factor = 10): Pixels {
  return resize(image, factor * image.width);
}

/** On a ground of twice the sides. */
function offCentre(image: Pixels, i: number, outside: Colour): Pixels {
  const side = 2 * image.width;
  return paste(image, side, (i * 7) % (side - image.width), (i * 13) % (side - image.height), outside);
}

/** As cameras store it: lying on its side or upside down, with a note how to turn it. */
function turned(image: Pixels, i: number): Uint8Array {
  const [orientation, inverse] = ([[3, 3], [6, 8], [8, 6]] as const)[i % 3]!;
  return withOrientation(encodeJpeg(upright(image, inverse), 95), orientation);
}
