import type { Lab } from "./colour.ts";
import { fitMixture, logDensity, type Mixture } from "./mixture.ts";
import { type Box, type Plane, resample } from "./plane.ts";

/** Longer sides of what is searched, in pixels: models of colours are fitted in the small one, edges followed in the large one. */
const SIDES = { small: 64, large: 128 };

/** Rounds of fitting and labelling in the small one. */
const ROUNDS = 3;

/** Weight of the neighbours of a pixel against its own colour, and the maximum weight of a colour (log odds). */
const [SMOOTHNESS, MAX_EVIDENCE] = [25, 12];

/** Of the cut: how many, and how far the dual goes in each. */
const [SWEEPS, SIGMA] = [60, 8];

/**
 * Parts the thing from a ground of many colours: mixtures of Gaussians for both, fitted and applied in turns; neighbours of
 * like colour draw to the same side. C. Rother, V. Kolmogorov and A. Blake, "GrabCut: Interactive Foreground Extraction using
 * Iterated Graph Cuts", 2004. At first the border is the ground and all else the thing.
 *
 * @param lab The image.
 * @param margin What surely is ground: this share of the sides along the border, but a pixel at least.
 * @returns For each pixel how likely it is the thing, 0 to 1, at 128 pixels on the longer side or less.
 */
export function findForeground(lab: Lab, margin: number): Plane {
  const small = shrink(lab, SIDES.small);
  let likely = allButMargin(small[0], margin);
  let [thing, ground] = fitBoth(small, likely);
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) [thing, ground] = fitBoth(small, likely);
    likely = label(small, likely, margin, thing, ground);
  }
  const large = shrink(lab, SIDES.large);
  if (large[0].width === small[0].width) return likely;
  const start = resample(likely, wholeOf(likely), large[0].width, large[0].height);
  return label(large, start, margin, thing, ground);
}

function shrink(lab: Lab, side: number): Lab {
  const scale = Math.min(1, side / Math.max(lab[0].width, lab[0].height));
  const [width, height] = [lab[0].width, lab[0].height].map((extent) =>
    Math.max(1, Math.round(extent * scale))
  );
  return lab.map((plane) => resample(plane, wholeOf(plane), width!, height!)) as unknown as Lab;
}

function wholeOf({ width, height }: Plane): Box {
  return { left: 0, top: 0, width, height };
}

function allButMargin({ width, height, data }: Plane, margin: number): Plane {
  return { width, height, data: data.map((_, i) => isMargin(i, width, height, margin) ? 0 : 1) };
}

function fitBoth(lab: Lab, { data }: Plane): [thing: Mixture, ground: Mixture] {
  return [fitMixture(lab, data), fitMixture(lab, data.map((value) => 1 - value))];
}

function label(lab: Lab, start: Plane, margin: number, thing: Mixture, ground: Mixture): Plane {
  const { width, height } = start;
  const evidence = weigh(lab, margin, thing, ground);
  return { width, height, data: settle(evidence, start.data, bondsOf(lab), width, height) };
}

function isMargin(i: number, width: number, height: number, margin: number): boolean {
  const [x, y] = [i % width, Math.floor(i / width)];
  const [across, down] = [Math.max(1, margin * width), Math.max(1, margin * height)];
  return x < across || x >= width - across || y < down || y >= height - down;
}

/** By its colour alone: for each pixel the logarithm of the odds that it is the thing. */
function weigh(lab: Lab, margin: number, thing: Mixture, ground: Mixture): Float32Array {
  const { width, height } = lab[0];
  const [l, a, b] = lab.map(({ data }) => data) as [Float32Array, Float32Array, Float32Array];
  return l.map((lightness, i) => {
    if (isMargin(i, width, height, margin)) return -2 * MAX_EVIDENCE;
    const colour = [lightness, a[i]!, b[i]!];
    const odds = logDensity(thing, colour) - logDensity(ground, colour);
    return Math.max(-MAX_EVIDENCE, Math.min(MAX_EVIDENCE, odds));
  });
}

interface Bonds {
  readonly right: Float32Array;
  readonly below: Float32Array;
}

/** Strong between pixels of like colour, measured by how much neighbours differ on average. */
function bondsOf(lab: Lab): Bonds {
  const { width, height } = lab[0];
  const bonds = { right: new Float32Array(width * height), below: new Float32Array(width * height) };
  const squared = (i: number, j: number) =>
    lab.reduce((sum, { data }) => sum + (data[i]! - data[j]!) ** 2, 0);
  let sum = 0;
  for (let i = 0; i < width * height; i++) {
    if (i % width < width - 1) sum += bonds.right[i] = squared(i, i + 1);
    if (i + width < width * height) sum += bonds.below[i] = squared(i, i + width);
  }
  const mean = Math.max(1e-6, sum / (2 * width * height));
  for (const bond of [bonds.right, bonds.below]) {
    bond.forEach((value, i) => bond[i] = SMOOTHNESS * Math.exp(-value / (2 * mean)));
  }
  for (let y = 0; y < height; y++) bonds.right[y * width + width - 1] = 0;
  bonds.below.fill(0, (height - 1) * width);
  return bonds;
}

/**
 * The cut of least cost, by its convex relaxation: minimises Σ −evidence · u + Σ bond · |difference of neighbours| over u of
 * 0 to 1. A. Chambolle and T. Pock, "A First-Order Primal-Dual Algorithm for Convex Problems with Applications to Imaging", 2011.
 */
function settle(
  evidence: Float32Array,
  start: Float32Array,
  { right, below }: Bonds,
  width: number,
  height: number,
) {
  const size = width * height;
  const [u, ahead] = [start.slice(), start.slice()];
  const [across, down] = [new Float32Array(size), new Float32Array(size)];
  const [sigma, tau] = [SIGMA, 0.125 / SIGMA];
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let i = 0; i < size; i++) {
      const b = right[i]!;
      if (b > 0) across[i] = Math.max(-b, Math.min(b, across[i]! + sigma * (ahead[i + 1]! - ahead[i]!)));
      const c = below[i]!;
      if (c > 0) down[i] = Math.max(-c, Math.min(c, down[i]! + sigma * (ahead[i + width]! - ahead[i]!)));
    }
    for (let i = 0; i < size; i++) {
      let flow = across[i]! + down[i]! + evidence[i]!;
      if (i > 0) flow -= across[i - 1]!;
      if (i >= width) flow -= down[i - width]!;
      const next = Math.max(0, Math.min(1, u[i]! + tau * flow));
      ahead[i] = 2 * next - u[i]!;
      u[i] = next;
    }
  }
  return u;
}
