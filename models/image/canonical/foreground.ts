import type { Lab } from "./ground.ts";

/** Colours on each side of the model. */
const COLOURS = 4;

/** Rounds of fitting and labelling. */
const ROUNDS = 5;

/** How much the neighbours of a pixel count against its own colour. */
const SMOOTHNESS = 3;

interface Mixture {
  readonly weights: number[];
  readonly means: number[][];
  readonly inverses: number[][];
  readonly constants: number[];
}

/**
 * Parts the thing in the middle from a ground of many colours: mixtures of Gaussians for both, fitted and applied in turns,
 * neighbours of like colour drawing to the same side. After C. Rother, V. Kolmogorov and A. Blake, "GrabCut: Interactive
 * foreground extraction using iterated graph cuts", 2004, with mean field iterations instead of cuts.
 *
 * @param lab The image; a few thousand pixels are enough.
 * @param margin What surely is ground: this share of the sides along the border.
 * @returns For each pixel how likely it is the thing, 0 to 1.
 */
export function findForeground(lab: Lab, margin: number): Float32Array {
  const { width, height } = lab[0];
  const size = width * height;
  const sure = Uint8Array.from({ length: size }, (_, i) => isMargin(i, width, height, margin) ? 1 : 0);
  let likely = Float32Array.from({ length: size }, (_, i) => sure[i] ? 0 : centrality(i, width, height));
  const bonds = bondsOf(lab);
  for (let round = 0; round < ROUNDS; round++) {
    const thing = fit(lab, likely);
    const ground = fit(lab, likely.map((value) => 1 - value));
    const evidence = new Float32Array(size);
    const colour = [0, 0, 0];
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) colour[c] = lab[c]!.data[i]!;
      evidence[i] = sure[i]
        ? -20
        : Math.max(-6, Math.min(6, logDensity(thing, colour) - logDensity(ground, colour)));
    }
    likely = settle(evidence, likely, bonds, width, height);
  }
  return likely;
}

function isMargin(i: number, width: number, height: number, margin: number): boolean {
  const [x, y] = [i % width, Math.floor(i / width)];
  const [across, down] = [Math.max(1, margin * width), Math.max(1, margin * height)];
  return x < across || x >= width - across || y < down || y >= height - down;
}

function centrality(i: number, width: number, height: number): number {
  const x = ((i % width) + 0.5) / width - 0.5;
  const y = (Math.floor(i / width) + 0.5) / height - 0.5;
  return Math.exp(-6 * (x * x + y * y));
}

/** Expectation maximisation from means spread along the lightness. */
function fit(lab: Lab, share: Float32Array): Mixture {
  const size = share.length;
  const order = Array.from({ length: size }, (_, i) => i).filter((i) => share[i]! > 0.5);
  const members = order.length >= 4 * COLOURS ? order : Array.from({ length: size }, (_, i) => i);
  members.sort((a, b) => lab[0].data[a]! - lab[0].data[b]!);
  let owner = new Uint8Array(size).fill(255);
  members.forEach((i, rank) => owner[i] = Math.floor(rank * COLOURS / members.length));
  let mixture = estimate(lab, share, owner, members);
  for (let step = 0; step < 3; step++) {
    owner = assign(lab, mixture, owner, members);
    mixture = estimate(lab, share, owner, members);
  }
  return mixture;
}

function assign(lab: Lab, mixture: Mixture, owner: Uint8Array<ArrayBuffer>, members: readonly number[]) {
  const colour = [0, 0, 0];
  for (const i of members) {
    for (let c = 0; c < 3; c++) colour[c] = lab[c]!.data[i]!;
    let best = -Infinity;
    for (let k = 0; k < COLOURS; k++) {
      const density = component(mixture, k, colour);
      if (density > best) [best, owner[i]] = [density, k];
    }
  }
  return owner;
}

function estimate(lab: Lab, share: Float32Array, owner: Uint8Array, members: readonly number[]): Mixture {
  const sums = Array.from({ length: COLOURS }, () => new Float64Array(10));
  for (const i of members) {
    const sum = sums[owner[i]!]!;
    const w = share[i]!;
    sum[0]! += w;
    for (let a = 0, at = 4; a < 3; a++) {
      const value = w * lab[a]!.data[i]!;
      sum[1 + a]! += value;
      for (let b = a; b < 3; b++) sum[at++]! += value * lab[b]!.data[i]!;
    }
  }
  const total = sums.reduce((sum, [mass]) => sum + mass!, 0);
  const mixture: Mixture = { weights: [], means: [], inverses: [], constants: [] };
  for (const [mass, ...moments] of sums) {
    const n = Math.max(mass!, 1e-6);
    const [x, y, z] = moments.slice(0, 3).map((value) => value / n) as [number, number, number];
    const [xx, xy, xz, yy, yz, zz] = moments.slice(3).map((value) => value / n) as number[];
    const noise = 1e-4;
    const covariance = [
      xx! - x * x + noise,
      xy! - x * y,
      xz! - x * z,
      yy! - y * y + noise,
      yz! - y * z,
      zz! - z * z + noise,
    ];
    const [determinant, inverse] = invert(covariance);
    mixture.weights.push(n / total);
    mixture.means.push([x, y, z]);
    mixture.inverses.push(inverse);
    mixture.constants.push(Math.log(n / total) - 0.5 * Math.log(determinant));
  }
  return mixture;
}

/** Of a symmetric 3×3 matrix, given by its upper triangle. */
function invert([a, b, c, d, e, f]: number[]): [determinant: number, inverse: number[]] {
  const [A, B, C] = [d! * f! - e! * e!, c! * e! - b! * f!, b! * e! - c! * d!];
  const determinant = Math.max(1e-15, a! * A + b! * B + c! * C);
  const rest = [a! * f! - c! * c!, b! * c! - a! * e!, a! * d! - b! * b!];
  return [determinant, [A, B, C, ...rest].map((value) => value / determinant)];
}

function component({ means, inverses, constants }: Mixture, k: number, colour: readonly number[]): number {
  const [mean, inverse] = [means[k]!, inverses[k]!];
  const [x, y, z] = [colour[0]! - mean[0]!, colour[1]! - mean[1]!, colour[2]! - mean[2]!];
  const squares = inverse[0]! * x * x + inverse[3]! * y * y + inverse[5]! * z * z;
  return constants[k]! - 0.5 * squares - (inverse[1]! * x * y + inverse[2]! * x * z + inverse[4]! * y * z);
}

function logDensity(mixture: Mixture, colour: readonly number[]): number {
  let sum = 1e-30;
  for (let k = 0; k < COLOURS; k++) sum += Math.exp(component(mixture, k, colour));
  return Math.log(sum);
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

/** Mean field: each pixel follows its evidence and its neighbours, over and over. */
function settle(
  evidence: Float32Array,
  start: Float32Array,
  { right, below }: Bonds,
  width: number,
  height: number,
) {
  const likely = start.slice();
  for (let sweep = 0; sweep < 20; sweep++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const i = y * width + x;
        let field = evidence[i]!;
        if (x > 0) field += right[i - 1]! * (2 * likely[i - 1]! - 1);
        if (x < width - 1) field += right[i]! * (2 * likely[i + 1]! - 1);
        if (y > 0) field += below[i - width]! * (2 * likely[i - width]! - 1);
        if (y < height - 1) field += below[i]! * (2 * likely[i + width]! - 1);
        likely[i] = 1 / (1 + Math.exp(-field));
      }
    }
  }
  return likely;
}
