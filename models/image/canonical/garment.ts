import type { Pixels } from "../format.ts";
import { along, type Lab, principalDirection, toLab } from "./colour.ts";
import { findForeground } from "./foreground.ts";
import type { Form } from "./form.ts";
import { cutOutCard, dropSpecks, fillHoles, outsideGround } from "./ground.ts";
import {
  type Box,
  boxOf,
  isGrey,
  maskOf,
  type Plane,
  type Planes,
  reduce,
  resample,
  sharpen,
  toPixels,
} from "./plane.ts";

/** Of the form, in pixels. */
const SIDE = 28;

/** Longer side of what the garment is cut out of, in pixels. */
const WORKING_SIDE = 256;

/** Share of the sides, along the border, that surely shows no garment. */
const MARGIN = 0.02;

/** What is smaller than this share of the largest part is no garment; on a plain ground in one colour even small parts are. */
const SPECK = { photograph: 0.15, drawing: 0.01 };

/** How much of its difference from its neighbours is added to each pixel. */
const SHARPNESS = 0.3;

/** Luma of ITU-R BT.601. */
const LUMA = [0.299, 0.587, 0.114] as const;

/** Where the garment is, and how bright it is drawn: 0 to 1. */
interface Drawing {
  readonly mask: Plane;
  readonly drawn: Plane;
  /** Whether it is in two colours, so that it could be an image of Fashion-MNIST in another size or other colours. */
  readonly isTwoColoured?: boolean;
}

/**
 * The form of Fashion-MNIST: one garment, grey and negated, its longer side filling 28 pixels, on black. H. Xiao, K. Rasul and
 * R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017, section 2; preceded
 * by finding the garment, since not every image comes from a shop's studio.
 *
 * @param pixels Any image of one garment.
 * @param observe Is shown each step.
 * @returns 28×28 grey; the same image if it is in the form.
 */
export const garment: Form = (pixels, observe) => {
  if (isGarmentForm(pixels)) return pixels;
  const planes = reduce(cutOutCard(pixels, observe), WORKING_SIDE);
  const { mask, drawn, isTwoColoured = false } = cutOut(planes);
  observe?.("garment", mask);
  observe?.("negated", drawn);
  const whole = { left: 0, top: 0, width: mask.width, height: mask.height };
  const box = boxOf({ ...mask, data: mask.data.map((value) => Math.max(0, value - 0.5)) }) ?? whole;
  const isPlaced = isTwoColoured && fillsSquare(box, whole);
  const shrunk = shrink(drawn, isPlaced ? whole : box);
  return toPixels([isPlaced && whole.width === SIDE ? shrunk : sharpen(shrunk, SHARPNESS)]);
};

/** By its longer side, as an image of Fashion-MNIST does, to a pixel of the form. */
function fillsSquare({ left, top, width, height }: Box, whole: Box): boolean {
  if (whole.width !== whole.height) return false;
  const [start, length] = width > height ? [left, width] : [top, height];
  const pixel = whole.width / SIDE;
  return start <= pixel && start + length >= whole.width - pixel;
}

/** An image of Fashion-MNIST has a dark corner at least, and so its negative has none. */
function isGarmentForm(pixels: Pixels): boolean {
  if (pixels.width !== SIDE || pixels.height !== SIDE || !isGrey(pixels)) return false;
  const corners = [0, SIDE - 1, SIDE * (SIDE - 1), SIDE * SIDE - 1];
  return corners.some((i) => pixels.data[i * pixels.channels]! <= 40);
}

/** By the alpha channel, by the plain ground, or by the colours of the border and of the middle. */
function cutOut(planes: Planes): Drawing {
  const alpha = planes[3];
  if (alpha.data.some((value) => value < 0.5)) return { mask: alpha, drawn: negate(planes, alpha) };
  const lab = toLab(planes);
  const inside = outsideGround(lab);
  if (inside !== undefined && inside.includes(1)) return cutOutOfGround(planes, inside);
  const mask = search(lab);
  return { mask, drawn: negate(planes, mask) };
}

function cutOutOfGround(planes: Planes, inside: Uint8Array): Drawing {
  const drawn = drawingOnGround(planes, inside);
  const share = drawn === undefined ? SPECK.photograph : SPECK.drawing;
  const mask = { ...planes[0], data: new Float32Array(dropSpecks(inside, planes[0], share)) };
  return { mask, drawn: drawn ?? negate(planes, mask), isTwoColoured: drawn !== undefined };
}

/**
 * Where all colours lie between the ground's and one other, as in an image without colours, the distance from the ground decides
 * how bright to draw, whichever of both is darker; 1 is as far as can be.
 */
function drawingOnGround(planes: Planes, inside: Uint8Array): Plane | undefined {
  const colours = planes.slice(0, 3);
  const ground = colours.map(({ data }) => meanWhere(data, inside, 0));
  const differences = colours.map((plane, c) => ({
    ...plane,
    data: plane.data.map((value) => value - ground[c]!),
  }));
  const { direction, share } = principalDirection(differences);
  if (share < 0.99) return undefined;
  const distance = along(differences, direction);
  const sign = meanWhere(distance, inside, 1) < 0 ? -1 : 1;
  const reach = direction.map((value, c) =>
    (value * sign > 0 ? 1 - ground[c]! : ground[c]!) / Math.abs(value)
  );
  const farthest = Math.min(...reach.filter((_, c) => Math.abs(direction[c]!) > 0.01));
  return { ...planes[0], data: distance.map((value) => Math.min(1, Math.max(0, sign * value / farthest))) };
}

function meanWhere(data: Float32Array, mask: Uint8Array, wanted: number): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    if (mask[i] !== wanted) continue;
    sum += data[i]!;
    count++;
  }
  return sum / Math.max(1, count);
}

/** Grey and negated, black where there is no garment. */
function negate([red, green, blue]: Planes, mask: Plane): Plane {
  const grey = along([red, green, blue], LUMA);
  return { ...mask, data: mask.data.map((share, i) => share * (1 - grey[i]!)) };
}

/** Searched for in few pixels, so that it costs little and the mask becomes soft. */
function search(lab: Lab): Plane {
  const likely = findForeground(lab, MARGIN);
  const { width, height } = likely;
  const solid = fillHoles(maskOf(likely.data, 0.5), likely);
  const found = { width, height, data: new Float32Array(dropSpecks(solid, likely, SPECK.photograph)) };
  return resample(found, { left: 0, top: 0, width, height }, lab[0].width, lab[0].height);
}

/** The longer side of the box becomes 28, the shorter one is centred. */
function shrink(plane: Plane, { left, top, width, height }: Box): Plane {
  const side = Math.max(width, height);
  const window = {
    left: left + (width - side) / 2,
    top: top + (height - side) / 2,
    width: side,
    height: side,
  };
  return resample(plane, window, SIDE, SIDE);
}
