import type { Pixels } from "../format.ts";
import { findForeground } from "./foreground.ts";
import type { Form } from "./form.ts";
import { cutOutCard, dropSpecks, fillHoles, type Lab, outsideGround, toLab } from "./ground.ts";
import { type Box, boxOf, type Plane, type Planes, reduce, resample, toPixels } from "./plane.ts";

/** Of the form, in pixels. */
const SIDE = 28;

/** Longer sides of what the garment is looked for in and cut out of, in pixels. */
const [SEARCH_SIDE, WORKING_SIDE] = [96, 256];

/** Luma of ITU-R BT.601, as everywhere. */
const LUMA = [0.299, 0.587, 0.114] as const;

const MARGIN = 0.02;
const SPECK = 0.15;
const SHARPNESS = 0.3;

/**
 * The form of Fashion-MNIST: one garment, grey and negated, its longer side filling 28 pixels, on black. H. Xiao, K. Rasul and
 * R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017, section 2; preceded
 * by finding the garment, since not every picture comes from a shop's studio.
 *
 * @param pixels Any image of a garment.
 * @param observe Is shown each step.
 * @returns 28×28 grey; the same image if it is in the form.
 */
export const garment: Form = (pixels, observe) => {
  if (isGarmentForm(pixels)) return pixels;
  const planes = reduce(cutOutCard(pixels), WORKING_SIDE);
  const mask = findGarment(planes);
  observe?.("mask", mask);
  const box = boxOf({ ...mask, data: mask.data.map((value) => value > 0.5 ? 1 : 0) }) ??
    { left: 0, top: 0, width: mask.width, height: mask.height };
  const drawn = draw(planes, mask);
  observe?.("drawn", drawn);
  return toPixels(sharpen(shrink(drawn, box), SHARPNESS));
};

/** Of the form is what is 28×28 grey with a black corner at least; a negated one has none. */
function isGarmentForm({ width, height, channels, data }: Pixels): boolean {
  if (width !== SIDE || height !== SIDE) return false;
  for (let i = 0; i < SIDE * SIDE; i++) {
    for (let c = 1; c < channels; c++) {
      if (data[i * channels + c] !== (c === 3 ? 255 : data[i * channels])) return false;
    }
  }
  const corners = [0, SIDE - 1, SIDE * (SIDE - 1), SIDE * SIDE - 1].map((i) => data[i * channels]!);
  return Math.min(...corners) <= 40;
}

/** How much of each pixel is garment: the alpha channel, what is not plain ground, or what the model of colours finds. */
function findGarment(planes: Planes): Plane {
  const alpha = planes[3];
  if (alpha.data.some((value) => value < 0.5)) return alpha;
  const lab = toLab(planes);
  const inside = outsideGround(lab);
  if (inside !== undefined) {
    const shown = inside.reduce((sum, value) => sum + value, 0) / inside.length;
    if (shown > 0.01) return soft(dropSpecks(inside, alpha, SPECK), alpha);
  }
  const small = shrinkLab(lab, SEARCH_SIDE);
  const likely = findForeground(small, MARGIN);
  const chosen = dropSpecks(Uint8Array.from(likely, (value) => value > 0.5 ? 1 : 0), small[0], SPECK);
  const filled = fillHoles(chosen, small[0]);
  const plane = { ...small[0], data: Float32Array.from(filled) };
  return resample(
    plane,
    { left: 0, top: 0, width: plane.width, height: plane.height },
    alpha.width,
    alpha.height,
  );
}

function soft(inside: Uint8Array, { width, height }: Plane): Plane {
  return { width, height, data: Float32Array.from(inside) };
}

function shrinkLab(lab: Lab, side: number): Lab {
  const { width, height } = lab[0];
  const scale = Math.min(1, side / Math.max(width, height));
  const box = { left: 0, top: 0, width, height };
  return lab.map((plane) =>
    resample(plane, box, Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)))
  ) as unknown as Lab;
}

/** Grey and negated, black where there is no garment. */
function draw(planes: Planes, mask: Plane): Plane {
  const [red, green, blue] = planes;
  const data = mask.data.map((share, i) =>
    share * (1 - LUMA[0] * red.data[i]! - LUMA[1] * green.data[i]! - LUMA[2] * blue.data[i]!)
  );
  return { ...mask, data };
}

/** The longer side of the box becomes 28, the shorter one is centred. */
function shrink(plane: Plane, box: Box): Plane {
  const side = Math.max(box.width, box.height);
  const window = {
    left: box.left + (box.width - side) / 2,
    top: box.top + (box.height - side) / 2,
    width: side,
    height: side,
  };
  return resample(plane, window, SIDE, SIDE);
}

/** Adds to each pixel its difference from the mean of its four neighbours. */
function sharpen(plane: Plane, amount: number): Plane {
  const { width, height, data } = plane;
  const at = (x: number, y: number) => x < 0 || y < 0 || x >= width || y >= height ? 0 : data[y * width + x]!;
  const sharp = data.map((value, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const around = (at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1)) / 4;
    return value === 0 ? 0 : Math.min(1, Math.max(0, value + amount * (value - around)));
  });
  return { width, height, data: sharp };
}
