import type { Lab } from "./colour.ts";
import { fitMixture, logDensity } from "./mixture.ts";

/** Rounds of fitting and labelling. */
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
 * @param lab The image; a few thousand pixels are enough.
 * @param margin What surely is ground: this share of the sides along the border, but a pixel at least.
 * @returns For each pixel how likely it is the thing, 0 to 1.
 */
export function findForeground(lab: Lab, margin: number): Float32Array {
  const { width, height } = lab[0];
  const surely = Uint8Array.from(
    { length: width * height },
    (_, i) => isMargin(i, width, height, margin) ? 1 : 0,
  );
  let likely = Float32Array.from(surely, (value) => 1 - value);
  const bonds = bondsOf(lab);
  for (let round = 0; round < ROUNDS; round++) {
    likely = settle(weigh(lab, likely, surely), likely, bonds, width, height);
  }
  return likely;
}

function isMargin(i: number, width: number, height: number, margin: number): boolean {
  const [x, y] = [i % width, Math.floor(i / width)];
  const [across, down] = [Math.max(1, margin * width), Math.max(1, margin * height)];
  return x < across || x >= width - across || y < down || y >= height - down;
}

/** By its colour alone: for each pixel the logarithm of the odds that it is the thing. */
function weigh(lab: Lab, likely: Float32Array, surelyGround: Uint8Array): Float32Array {
  const thing = fitMixture(lab, likely);
  const ground = fitMixture(lab, likely.map((value) => 1 - value));
  const colour = [0, 0, 0];
  return likely.map((_, i) => {
    for (let c = 0; c < 3; c++) colour[c] = lab[c]!.data[i]!;
    const odds = logDensity(thing, colour) - logDensity(ground, colour);
    return surelyGround[i] ? -2 * MAX_EVIDENCE : Math.max(-MAX_EVIDENCE, Math.min(MAX_EVIDENCE, odds));
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
