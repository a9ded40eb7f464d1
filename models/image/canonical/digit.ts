import type { Pixels } from "../format.ts";
import type { Form, Observer } from "./form.ts";
import { cutOutCard } from "./ground.ts";
import { findInk } from "./ink.ts";
import {
  blank,
  type Box,
  boxOf,
  type Component,
  distances,
  findComponents,
  isGrey,
  maskOf,
  type Plane,
  resample,
  toPixels,
} from "./plane.ts";

/** Of the form, in pixels: the whole, the box around the digit, and where its centre of mass is: in the middle of pixel 14. */
const [SIDE, BOX, CENTRE] = [28, 20, 14.5];

/** Ink from this share of its usual strength on is a stroke: a pen that hardly touches the paper must not open a loop. */
const STROKE_INK = 0.33;

/** Thinnest and thickest strokes left as they are, in pixels of the form: the middle half of MNIST's training images. */
const STROKE = { min: 2.0, max: 2.8 };

/** Longer side of what is worked on, in pixels. */
const WORKING_SIDE = { min: 140, max: 256 };

/** What belongs to the digit beside its largest stroke: at least this share of its mass, at most this share of its side away. */
const PART = { mass: 0.08, gap: 0.25 };

/**
 * The form of MNIST: white strokes on black, in a box of 20×20 pixels, with the centre of mass in the middle of pixel (14, 14) of 28×28.
 * Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", http://yann.lecun.com/exdb/mnist/.
 *
 * @param pixels Any image of one digit: a photograph, a scan or a drawing.
 * @param observe Is shown each step.
 * @returns 28×28 grey; the same image if it is in the form; all black if there is nothing on it.
 */
export const digit: Form = (pixels, observe) => {
  if (isDigitForm(pixels)) return pixels;
  const ink = findInk(cutOutCard(pixels, observe), WORKING_SIDE);
  observe?.("ink", ink);
  const strokes = keepDigit(ink);
  observe?.("strokes", strokes);
  const box = boxOf(strokes);
  return box === undefined ? toPixels([blank({ width: SIDE, height: SIDE })]) : place(strokes, box, observe);
};

/** Centred as MNIST is, and black around; the bounds leave room for what JPEG changes. */
function isDigitForm(pixels: Pixels): boolean {
  const { width, height, channels, data } = pixels;
  if (width !== SIDE || height !== SIDE || !isGrey(pixels)) return false;
  let [mass, x, y, ring] = [0, 0, 0, 0];
  for (let i = 0; i < SIDE * SIDE; i++) {
    const value = data[i * channels]!;
    const [column, row] = [i % SIDE, Math.floor(i / SIDE)];
    mass += value;
    x += value * column;
    y += value * row;
    if (column % (SIDE - 1) === 0 || row % (SIDE - 1) === 0) ring += value;
  }
  const centred = [x / mass, y / mass].every((centre) => Math.abs(centre - SIDE / 2) < 0.7);
  return centred && ring / (4 * SIDE) < 16;
}

/** The strokes of the digit alone: 1 on them, else 0. */
function keepDigit(ink: Plane): Plane {
  const inside = maskOf(ink.data, STROKE_INK);
  const { labels, components } = findComponents(inside, ink);
  const kept = chooseParts(components, ink);
  return { ...ink, data: new Float32Array(labels.map((label) => kept.has(label) ? 1 : 0)) };
}

function chooseParts(components: readonly Component[], plane: Plane): Set<number> {
  const inner = components.filter(({ box }) => !touchesBorder(box, plane));
  const largest = heaviest(components);
  let main = heaviest(inner);
  // A digit drawn up to the edge touches it; a shadow or the edge of the paper is less of the ink than the digit.
  if (main === undefined || largest!.mass > 4 * main.mass) main = largest;
  const kept = new Set<number>();
  if (main === undefined) return kept;
  const parts = (main === largest ? components : inner).filter(({ mass }) => mass >= PART.mass * main.mass);
  let digit = main.box;
  for (let before = -1; before < kept.size;) {
    before = kept.size;
    for (const { label, box } of parts) {
      if (kept.has(label) || gap(box, digit) > PART.gap * Math.max(digit.width, digit.height)) continue;
      kept.add(label);
      digit = union(box, digit);
    }
  }
  return kept;
}

function heaviest(components: readonly Component[]): Component | undefined {
  return components.reduce<Component | undefined>(
    (best, component) => best === undefined || component.mass > best.mass ? component : best,
    undefined,
  );
}

function touchesBorder({ left, top, width, height }: Box, plane: Plane): boolean {
  return left <= 0 || top <= 0 || left + width >= plane.width || top + height >= plane.height;
}

function gap(a: Box, b: Box): number {
  const across = Math.max(a.left - b.left - b.width, b.left - a.left - a.width);
  const down = Math.max(a.top - b.top - b.height, b.top - a.top - a.height);
  return Math.max(0, across, down);
}

function union(a: Box, b: Box): Box {
  const [left, top] = [Math.min(a.left, b.left), Math.min(a.top, b.top)];
  const width = Math.max(a.left + a.width, b.left + b.width) - left;
  return { left, top, width, height: Math.max(a.top + a.height, b.top + b.height) - top };
}

/** Brings the strokes to a usual width and the digit into its box. */
function place(strokes: Plane, box: Box, observe?: Observer): Pixels {
  const side = Math.max(box.width, box.height);
  const signed = signedDistances(withMargin(strokes, box, Math.ceil(side / BOX * STROKE.max)));
  const growth = strokeGrowth(signed, side);
  const drawn = { ...signed, data: signed.data.map((d) => Math.min(1, Math.max(0, d + growth + 0.5))) };
  observe?.("stroke width", drawn);
  const pixel = (side + 2 * growth) / BOX;
  const [x, y] = centreOfMass(drawn);
  const window = {
    left: x - pixel * CENTRE,
    top: y - pixel * CENTRE,
    width: pixel * SIDE,
    height: pixel * SIDE,
  };
  return toPixels([resample(drawn, window, SIDE, SIDE)]);
}

/** The box with room around it for strokes to become thicker. */
function withMargin(plane: Plane, { left, top, width, height }: Box, margin: number): Plane {
  const [columns, rows] = [width + 2 * margin, height + 2 * margin];
  return resample(
    plane,
    { left: left - margin, top: top - margin, width: columns, height: rows },
    columns,
    rows,
  );
}

/** Distance to the edge of the strokes in pixels, positive inside. */
function signedDistances({ width, height, data }: Plane): Plane {
  const inside = maskOf(data, 0);
  const inner = distances(inside, width, height);
  const outer = distances(inside.map((value) => 1 - value), width, height);
  return { width, height, data: inner.map((d, i) => d > 0 ? d - 0.5 : 0.5 - outer[i]!) };
}

/** By how much each edge moves so that the strokes are as thick as usual once the digit fills its box. */
function strokeGrowth({ data }: Plane, side: number): number {
  let [sum, area] = [0, 0];
  for (const d of data) {
    if (d <= 0) continue;
    sum += d;
    area++;
  }
  // In a stroke of width w the distances to its edges go up to w / 2 evenly: their mean is w / 4.
  const width = 4 * sum / area;
  const wanted = Math.min(STROKE.max, Math.max(STROKE.min, width * BOX / side));
  return (wanted * side - BOX * width) / (2 * (BOX - wanted));
}

function centreOfMass({ width, data }: Plane): [x: number, y: number] {
  let [mass, x, y] = [0, 0, 0];
  data.forEach((value, i) => {
    mass += value;
    x += value * (i % width + 0.5);
    y += value * (Math.floor(i / width) + 0.5);
  });
  return [x / mass, y / mass];
}
