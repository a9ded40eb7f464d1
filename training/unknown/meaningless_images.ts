import { encodePng } from "../../models/image/encode_png.ts";
import { Random } from "../random.ts";

/** What one image shows at a place: 0 to 255, rounded and clipped. */
type Shade = (x: number, y: number, channel: number) => number;

/** How the images of one kind are drawn, of a side in pixels. */
type Kind = (random: Random, side: number) => Shade;

/** Kinds of noise. */
const NOISE: readonly Kind[] = [
  (random) => () => random.between(0, 255),
  (random) => {
    const [mean, deviation] = [random.between(30, 225), random.between(10, 80)];
    return () => mean + deviation * gaussian(random);
  },
  (random) => {
    const [ground, share] = [255 * random.integer(0, 1), random.between(0.02, 0.3)];
    return () => random.between(0, 1) < share ? 255 - ground : ground;
  },
  (random, side) => {
    const cells = random.integer(3, 9);
    const corners = Float64Array.from({ length: 3 * (cells + 2) ** 2 }, () => random.between(0, 255));
    const corner = (u: number, v: number, channel: number) => corners[3 * (v * (cells + 2) + u) + channel]!;
    return (x, y, channel) => {
      const [u, v] = [x * cells / side, y * cells / side];
      const [left, top] = [Math.floor(u), Math.floor(v)];
      const [right, down] = [u - left, v - top];
      const row = (at: number) =>
        corner(left, at, channel) * (1 - right) + corner(left + 1, at, channel) * right;
      return row(top) * (1 - down) + row(top + 1) * down;
    };
  },
];

/** Kinds of blank images: of one colour, and paper in uneven light as a camera sees it. */
const BLANK: readonly Kind[] = [
  (random) => {
    const grey = 127.5 * random.integer(0, 2);
    return () => grey;
  },
  (random) => {
    const colour = [0, 1, 2].map(() => random.between(0, 255));
    return (_x, _y, channel) => colour[channel]!;
  },
  (random, side) => {
    const [mean, right, down] = [random.between(140, 240), random.between(-30, 30), random.between(-30, 30)];
    const deviation = random.between(1, 6);
    return (x, y) => mean + right * x / side + down * y / side + deviation * gaussian(random);
  },
];

/** In pixels. */
const SIDES = [28, 32, 64, 256];

/** Noise: white, coloured and grey, sparse, and smooth. */
export function noiseImages(count: number, seed: number): Uint8Array<ArrayBuffer>[] {
  return draw(NOISE, count, new Random(seed, -4));
}

/** Images of one colour, and of empty paper. */
export function blankImages(count: number, seed: number): Uint8Array<ArrayBuffer>[] {
  return draw(BLANK, count, new Random(seed, -5));
}

/** As PNG; kinds, sizes, grey and colour take turns. */
function draw(kinds: readonly Kind[], count: number, random: Random): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: count }, (_, i) => {
    const side = SIDES[Math.floor(i / kinds.length) % SIDES.length]!;
    const channels = Math.floor(i / kinds.length / SIDES.length) % 2 === 0 ? 1 : 3;
    const shade = kinds[i % kinds.length]!(random, side);
    const data = new Uint8ClampedArray(side * side * channels);
    for (let at = 0; at < data.length; at++) {
      const pixel = Math.floor(at / channels);
      data[at] = shade(pixel % side, Math.floor(pixel / side), at % channels);
    }
    return encodePng({ width: side, height: side, channels, data: new Uint8Array(data.buffer) });
  });
}

/** Mean 0, deviation 1 (Box–Muller). */
function gaussian(random: Random): number {
  const [radius, angle] = [random.between(1e-9, 1), random.between(0, 2 * Math.PI)];
  return Math.sqrt(-2 * Math.log(radius)) * Math.cos(angle);
}
